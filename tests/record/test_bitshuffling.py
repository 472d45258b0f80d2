"""Chunks made by bitshuffle's C functions, against its own Python functions and HDF5's filter."""

from __future__ import annotations

import struct
from collections.abc import Callable

import bitshuffle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beamsession.record.bitshuffling import with_lz4, with_zstd

BLOCK_BYTES = 8192


def level_3(pixels: NDArray) -> NDArray[np.uint8]:
    return with_zstd(pixels, 3)


def plain_3(pixels: NDArray, block: int) -> NDArray:
    return bitshuffle.compress_zstd(pixels, block, comp_lvl=3)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 40_000), dtype=st.sampled_from(["u1", "<u2", "<i4", "<f8"]), brightest=st.integers(1, 120))
@pytest.mark.parametrize(("chunk_of", "plain"), [(with_lz4, bitshuffle.compress_lz4), (level_3, plain_3)])
def test_a_chunk_is_the_header_and_what_bitshuffle_itself_makes(
    chunk_of: Callable[[NDArray], NDArray],
    plain: Callable[[NDArray, int], NDArray],
    size: int,
    dtype: str,
    brightest: int,
) -> None:
    pixels = np.random.default_rng(size).integers(0, brightest, size).astype(dtype)
    chunk = chunk_of(pixels)
    nbytes, block = struct.unpack(">QI", chunk[:12].tobytes())
    assert (nbytes, block) == (pixels.nbytes, BLOCK_BYTES)
    assert chunk[12:].tobytes() == plain(pixels, BLOCK_BYTES // pixels.itemsize).tobytes()


def test_pixels_that_cannot_be_written_to_are_read() -> None:
    pixels = np.arange(5000, dtype="<u2")
    pixels.flags.writeable = False
    chunk = with_lz4(pixels)
    assert chunk.flags.owndata
    assert (bitshuffle.decompress_lz4(chunk[12:], pixels.shape, pixels.dtype, 4096) == pixels).all()
