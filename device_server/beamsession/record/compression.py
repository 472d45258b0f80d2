"""How frames are compressed in a data file: chunks that the HDF5 filters of any reader with hdf5plugin understand.

Chunks are made here, outside the HDF5 library, which then only puts them into the file: its own pipeline would hold
its lock, and the interpreter's, for as long as a frame takes to compress.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from beamsession.model.detector import Compression
from beamsession.record.bitshuffling import with_lz4, with_zstd
from beamsession.record.frame import Frame

ZSTD_LEVEL = 1
GZIP_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A frame as it stands in the file.

    Each bit of `mask` tells that one of the dataset's filters was left out: all are, where a frame would have grown.
    """

    data: NDArray
    mask: int = 0


Encoder = Callable[[Frame], Chunk]


def dataset_options(compression: Compression, level: int | None = None) -> dict[str, Any]:
    """Keyword arguments for `create_dataset`; empty where frames are stored as they come."""
    match compression:
        case Compression.NONE:
            return {}
        case Compression.BSLZ4:
            return dict(hdf5plugin.Bitshuffle(cname="lz4"))
        case Compression.BSZSTD:
            return dict(hdf5plugin.Bitshuffle(cname="zstd", clevel=level or ZSTD_LEVEL))
        case Compression.GZIP:
            return {"compression": "gzip", "compression_opts": level or GZIP_LEVEL, "shuffle": True}


def encoder(compression: Compression, level: int | None = None) -> Encoder | None:
    """What makes the chunks of a dataset with these options; it releases the interpreter's lock while it works.

    None where frames are stored as they come. A frame that would not become smaller is stored as it is, so a chunk is
    never larger than its frame; so is one that its source has compressed already.
    """
    match compression:
        case Compression.NONE:
            return None
        case Compression.BSLZ4:
            return partial(_encoded, with_lz4, 0b1)
        case Compression.BSZSTD:
            return partial(_encoded, partial(with_zstd, level=level or ZSTD_LEVEL), 0b1)
        case Compression.GZIP:
            return partial(_encoded, partial(_deflated, level or GZIP_LEVEL), 0b11)


def _encoded(compress: Callable[[NDArray], NDArray], all_filters: int, frame: Frame) -> Chunk:
    if frame.format.codec:
        return Chunk(frame.payload)
    pixels = frame.payload.view(frame.format.dtype)
    data = compress(pixels)
    return Chunk(data) if data.nbytes < pixels.nbytes else Chunk(frame.payload, all_filters)


def _deflated(level: int, pixels: NDArray) -> NDArray:
    """All first bytes of the pixels, then all second ones, deflated: HDF5's shuffle and gzip filters."""
    shuffled = np.ascontiguousarray(pixels.view(np.uint8).reshape(pixels.size, pixels.itemsize).T)
    return np.frombuffer(zlib.compress(shuffled.data, level), np.uint8)
