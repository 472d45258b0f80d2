"""Frames as areaDetector's NDPluginCodec compresses them, made by the codecs' own libraries inside HDF5 filters."""

from __future__ import annotations

import struct
import time
import zlib
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray
from p4p import Value
from p4p.nt import NTNDArray

_TYPE = NTNDArray.buildType()
# epics::pvData::ScalarType, which NDPluginPva puts into codec.parameters.
_SCALAR_TYPES = {"uint8": 5, "int16": 2, "uint16": 6, "uint32": 7, "float32": 9, "float64": 10, "int8": 1, "int32": 3}
_BLOSC_FILTERS = {
    "blosclz:shuffle": hdf5plugin.Blosc("blosclz", 9, hdf5plugin.Blosc.SHUFFLE),
    "lz4:bitshuffle": hdf5plugin.Blosc("lz4", 5, hdf5plugin.Blosc.BITSHUFFLE),
    "lz4hc:noshuffle": hdf5plugin.Blosc("lz4hc", 5, hdf5plugin.Blosc.NOSHUFFLE),
    "zlib:shuffle": hdf5plugin.Blosc("zlib", 5, hdf5plugin.Blosc.SHUFFLE),
    "zstd:bitshuffle": hdf5plugin.Blosc("zstd", 5, hdf5plugin.Blosc.BITSHUFFLE),
    "snappy:shuffle": hdf5plugin.Blosc("snappy", 5, hdf5plugin.Blosc.SHUFFLE),
}
_LZ4_HEADER_BYTES = 16
_BSLZ4_HEADER_BYTES = 12
CODECS = ("lz4", "lz4hdf5", "bslz4", "zlib", *(f"blosc:{details}" for details in _BLOSC_FILTERS))


def payload_of(image: NDArray, codec: str) -> NDArray[np.uint8]:
    """What NDPluginCodec makes of an image; `blosc:` wants its compressor and shuffle behind it."""
    name, _, details = codec.partition(":")
    match name:
        case "zlib":
            chunk = zlib.compress(image.tobytes())
        case "blosc":
            chunk = _filtered(image, _BLOSC_FILTERS[details])
        case "lz4":
            chunk = _filtered(image, hdf5plugin.LZ4())
            assert struct.unpack(">QI", chunk[:12]) == (image.nbytes, image.nbytes), "more than one block"
            chunk = chunk[_LZ4_HEADER_BYTES:]
        case "lz4hdf5":
            chunk = _filtered(image, hdf5plugin.LZ4(nbytes=1024))
        case "bslz4":
            chunk = _filtered(image, hdf5plugin.Bitshuffle(cname="lz4"))[_BSLZ4_HEADER_BYTES:]
        case _:
            raise ValueError(codec)
    return np.frombuffer(chunk, np.uint8)


def stored_blosc(image: NDArray) -> NDArray[np.uint8]:
    """A Blosc chunk of lz4 with bit shuffle that could not be made smaller, so that it holds the raw bytes."""
    flags = 1 << 5 | 0x4 | 0x2
    header = struct.pack("<4BIII", 2, 1, flags, image.itemsize, image.nbytes, image.nbytes, image.nbytes + 16)
    return np.frombuffer(header + image.tobytes(), np.uint8)


def lz4_block_as_large_as_its_frame() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A frame and its LZ4 block of the same size, put together as LZ4's Block Format Description says.

    One match saves what the lengths of many literals cost: such a block is rare, and HDF5's filter takes it for raw.
    """
    noise = np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes()
    first = noise[:300]
    match = (first[-3:] * 20)[:59]  # 59 bytes from 3 bytes before: a match that overlaps itself
    begin = bytes([15 << 4 | 15, 255, 300 - 15 - 255]) + first + struct.pack("<H", 3) + bytes([59 - 4 - 15])
    for length in range(300, len(noise)):
        more = length - 15
        last = bytes([15 << 4]) + b"\xff" * (more // 255) + bytes([more % 255]) + noise[-length:]
        if len(begin) + len(last) == 300 + 59 + length:
            frame = first + match + noise[-length:]
            return np.frombuffer(frame, np.uint8), np.frombuffer(begin + last, np.uint8)
    raise AssertionError("no length fits")


def compressed_value(unique_id: int, image: NDArray, codec: str, payload: NDArray[np.uint8], **changes: Any) -> Value:
    """An NTNDArray as NDPluginPva posts it."""
    stamp = time.time_ns()
    members: dict[str, Any] = {
        "value": ("ubyteValue", payload),
        "codec.name": codec.partition(":")[0],
        "codec.parameters": _SCALAR_TYPES[image.dtype.name],
        "dimension": [{"size": length, "fullSize": length, "binning": 1} for length in reversed(image.shape)],
        "compressedSize": payload.nbytes,
        "uncompressedSize": image.nbytes,
        "uniqueId": unique_id,
        "timeStamp.secondsPastEpoch": stamp // 10**9,
        "timeStamp.nanoseconds": stamp % 10**9,
    }
    return Value(_TYPE, members | changes)


def _filtered(image: NDArray, options: Any) -> bytes:
    with h5py.File("in-memory", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("data", data=image, chunks=image.shape, **options)
        mask, chunk = dataset.id.read_direct_chunk((0,) * image.ndim)
        assert mask == 0, "the filter was left out"
        assert len(chunk) < image.nbytes, "the image cannot be made smaller"
        return bytes(chunk)
