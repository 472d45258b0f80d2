"""Frames through bitshuffle's own C functions (`bitshuffle.h`), which write where they are told.

Its Python functions give an array of their own for each frame, which then had to be copied behind the filter's header.
"""

from __future__ import annotations

import ctypes
import struct
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 8192  # what the bitshuffle filter takes too: a block and its shuffled copy stay in the nearest cache
_BLOCK_MULTIPLE = 8
_HEADER = struct.Struct(">QI")  # of the bitshuffle filter: bytes of the frame, bytes of a block
_NO_MEMORY = -1

_library = ctypes.CDLL(import_module("bitshuffle.ext").__file__)
_POINTER, _SIZE, _SIGNED = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
_IN_OUT = (_POINTER, _POINTER, _SIZE, _SIZE, _SIZE)  # from, to, pixels, bytes of a pixel, pixels of a block


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = _library[name]
    function.restype = result
    function.argtypes = arguments
    return function


_lz4 = _function("bshuf_compress_lz4", _SIGNED, *_IN_OUT)
_lz4_bound = _function("bshuf_compress_lz4_bound", _SIZE, _SIZE, _SIZE, _SIZE)
_zstd = _function("bshuf_compress_zstd", _SIGNED, *_IN_OUT, ctypes.c_int)
_zstd_bound = _function("bshuf_compress_zstd_bound", _SIZE, _SIZE, _SIZE, _SIZE)


def with_lz4(pixels: NDArray) -> NDArray[np.uint8]:
    """A chunk of HDF5's bitshuffle filter with LZ4; the interpreter's lock is free meanwhile."""
    return _chunk(_lz4, _lz4_bound, pixels)


def with_zstd(pixels: NDArray, level: int) -> NDArray[np.uint8]:
    """The same with Zstandard."""
    return _chunk(_zstd, _zstd_bound, pixels, level)


def _chunk(compress: Any, bound: Any, pixels: NDArray, *level: int) -> NDArray[np.uint8]:
    block = _BLOCK_BYTES // pixels.itemsize // _BLOCK_MULTIPLE * _BLOCK_MULTIPLE
    shape = (pixels.size, pixels.itemsize, block)
    chunk = np.empty(_HEADER.size + bound(*shape), np.uint8)
    _HEADER.pack_into(chunk.data, 0, pixels.nbytes, block * pixels.itemsize)
    size = compress(pixels.ctypes.data, chunk.ctypes.data + _HEADER.size, *shape, *level)
    if size < 0:
        raise MemoryError if size == _NO_MEMORY else ValueError(f"bitshuffle refused a frame: its error {size}")
    # Shrinks where it stands: what is behind goes back to the heap, nothing is copied.
    chunk.resize(_HEADER.size + size, refcheck=False)
    return chunk
