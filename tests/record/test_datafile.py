"""The data file of a detector: what is in it, and what is left of it when the disk is full."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.model.detector import Compression
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from beamsession.record.datafile import DATA, RECEIVE_TIME, TIME_STAMP, UNIQUE_ID, DataFile, reserve
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.mend import mend
from beamsession.record.streaming import StreamingDetector
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    finish,
    image_of,
    noise_of,
    run_plan,
    stored,
    wait_received,
    wait_until,
)


def frame(unique_id: int, form: FrameFormat) -> Frame:
    pixels = np.arange(unique_id, unique_id + int(np.prod(form.shape))).astype(form.dtype)
    return Frame(form, unique_id, 10 * unique_id, 20 * unique_id, pixels.view(np.uint8))


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("dtype", ["|u1", "<u2", "<i4", "<f8"])
@pytest.mark.parametrize("shape", [(7,), (5, 3), (2, 5, 3)])
def test_every_shape_and_type_comes_back_as_it_was(
    tmp_path: Path, compression: Compression, dtype: str, shape: tuple[int, ...]
) -> None:
    form = FrameFormat(shape, dtype)
    path = tmp_path / "data.h5"
    file = DataFile(path, form, title="t", units="counts", compression=compression)
    for unique_id in range(5):
        file.append(frame(unique_id, form))
    file.close()
    with h5py.File(path, "r") as back:
        assert stored(back, DATA).shape == (5, *shape)
        for unique_id in range(5):
            assert (stored(back, DATA)[unique_id].ravel() == frame(unique_id, form).payload.view(dtype)).all()
        assert list(stored(back, UNIQUE_ID)) == [0, 1, 2, 3, 4]
        assert list(stored(back, TIME_STAMP)) == [0, 10, 20, 30, 40]
        assert list(stored(back, RECEIVE_TIME)) == [0, 20, 40, 60, 80]
        assert stored(back, TIME_STAMP).attrs["units"] == "ns"


def test_an_unknown_group_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="nobody-has-this-group"):
        reserve(tmp_path / "data.h5", FileRules(group="nobody-has-this-group"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrameServer]:
    server = FrameServer()
    for name, value in server.client_environment().items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


@pytest.fixture(params=list(Compression))
def detector(server: FrameServer, request: pytest.FixtureRequest) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(detector_config(compression=request.param))
    yield detector
    detector.shutdown()


def test_a_full_disk_fails_the_run_and_keeps_what_was_flushed(
    detector: StreamingDetector, server: FrameServer, small_disk: Path
) -> None:
    fill_the_disk(detector, server, begin(detector, run_plan(small_disk)))


@pytest.mark.parametrize("detector", [Compression.NONE], indirect=True)
def test_a_file_size_limit_is_taken_like_a_full_disk(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    resource.prlimit(detector.pids()["eiger.writer"], resource.RLIMIT_FSIZE, (8 << 20, resource.RLIM_INFINITY))
    fill_the_disk(detector, server, path)


@pytest.mark.parametrize("detector", [Compression.BSLZ4], indirect=True)
def test_the_run_after_a_full_disk_records_again(
    detector: StreamingDetector, server: FrameServer, small_disk: Path
) -> None:
    path = begin(detector, run_plan(small_disk))
    fill_the_disk(detector, server, path)
    path.unlink()
    path = begin(detector, run_plan(small_disk, 2))
    server.post(1000, image_of(1000))
    wait_received(detector, 1)
    assert finish(detector).failure == ""
    with h5py.File(path, "r") as file:
        assert list(stored(file, UNIQUE_ID)) == [1000]


def fill_the_disk(detector: StreamingDetector, server: FrameServer, path: Path) -> None:
    """Post more than 8 MiB, see the run fail, and find in the file what was acknowledged."""
    for unique_id in range(1, 80):
        server.post(unique_id, noise_of(unique_id))
        if not unique_id % 8:
            wait_until("the frames are received", lambda n=unique_id: received_or_failed(detector, n))
    ended = finish(detector)
    assert ended.failure.startswith("disk full")
    assert ended.account.written > 0
    assert ended.account.missing > 0
    mend(path)
    with h5py.File(path, "r") as file:
        assert len(stored(file, DATA)) == len(stored(file, UNIQUE_ID)) == ended.account.written
        for index, unique_id in enumerate(stored(file, UNIQUE_ID)):
            assert (stored(file, DATA)[index] == noise_of(unique_id)).all()


def received_or_failed(detector: StreamingDetector, count: int) -> bool:
    progress = detector.progress()
    return progress.account.received >= count or bool(progress.failure)
