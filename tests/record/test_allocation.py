"""Blocks allocated ahead of a growing file's end, and given back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.model.detector import Compression
from beamsession.record.allocation import Ahead, give_back
from beamsession.record.datafile import DATA, DataFile
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.mend import mend

MIB = 1 << 20
BLOCK = 512  # what st_blocks counts
FORM = FrameFormat((256, 256), "<u2")


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "growing", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def allocated(place: int | Path) -> int:
    return (place.stat() if isinstance(place, Path) else os.fstat(place)).st_blocks * BLOCK


def test_blocks_are_ahead_of_the_end_which_stays_where_it_is(descriptor: int) -> None:
    ahead = Ahead(descriptor, MIB)
    for number in range(100):
        ahead.grow(MIB)
        os.pwrite(descriptor, bytes(MIB), number * MIB)
        assert os.fstat(descriptor).st_size == (number + 1) * MIB
        assert allocated(descriptor) > (number + 2) * MIB
    give_back(descriptor)
    assert os.fstat(descriptor).st_size == 100 * MIB
    assert allocated(descriptor) <= 101 * MIB


def test_a_disk_that_becomes_full_is_left_to_whoever_writes_first(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = Ahead(descriptor, MIB)
    for number in range(100):
        ahead.grow(MIB)
        os.pwrite(descriptor, bytes(MIB), number * MIB)
    assert allocated(descriptor) > 102 * MIB
    numbers = list(os.fstatvfs(descriptor))
    numbers[4] = 512 * MIB // numbers[1]  # blocks that are free for an ordinary account
    monkeypatch.setattr(os, "fstatvfs", lambda _: os.statvfs_result(numbers))
    for number in range(100, 200):
        ahead.grow(MIB)
        os.pwrite(descriptor, bytes(MIB), number * MIB)
    assert allocated(descriptor) <= 201 * MIB


def test_a_file_that_takes_no_allocation_grows_as_ever() -> None:
    reading, writing = os.pipe()
    try:
        ahead = Ahead(writing, MIB)
        for _ in range(100):
            ahead.grow(MIB)
    finally:
        os.close(reading)
        os.close(writing)


def written(path: Path) -> DataFile:
    file = DataFile(path, FORM, title="t", units="counts", compression=Compression.NONE)
    pixels = np.arange(256 * 256, dtype="<u2")
    for unique_id in range(3):
        file.append(Frame(FORM, unique_id, 1, 2, pixels))
    file.flush()
    return file


def test_a_closed_data_file_takes_no_more_room_than_it_is_long(tmp_path: Path) -> None:
    path = tmp_path / "frames.h5"
    file = written(path)
    assert allocated(path) > 32 * MIB
    file.close()
    assert allocated(path) < 2 * MIB


def test_what_a_killed_writer_had_allocated_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "frames.h5"
    child = os.fork()
    if not child:
        _kept = written(path)
        os._exit(0)
    os.waitpid(child, 0)
    assert allocated(path) > 32 * MIB
    assert mend(path).needed
    assert allocated(path) < 2 * MIB
    with h5py.File(path) as mended:
        data = mended[DATA]
        assert isinstance(data, h5py.Dataset)
        assert data.shape == (3, 256, 256)
