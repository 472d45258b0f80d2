"""Programs that read a run while it is recorded: they are never locked out, and see frames soon and whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import silx.io
import silx.io.h5py_utils

import live_reader
from beamsession.model.clock import utc_now
from beamsession.model.plan import RunPlan
from beamsession.record import nexus
from beamsession.record.datafile import DATA, UNIQUE_ID
from beamsession.record.salvage import salvage
from beamsession.record.streaming import StreamingDetector
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    finish,
    image_of,
    run_plan,
    stored,
    value_in,
    wait_closed,
    wait_received,
    wait_until,
    wait_written,
)

MORE = 30
MASTER_DATA = "/entry/instrument/eiger/data"
MASTER_IDS = "/entry/instrument/eiger/sequence_number"


@pytest.fixture(scope="module")
def shared_detector(environment: None) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(detector_config())
    yield detector
    detector.shutdown()


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    """A run whose master is there."""
    plan = run_plan(tmp_path, detectors=(detector_config(),))
    nexus.start_master(plan, start=utc_now(), constants={})
    return plan


@contextmanager
def posting(server: FrameServer) -> Iterator[None]:
    """Frames come all the time, faster than the file is flushed."""
    ended = threading.Event()

    def post() -> None:
        for unique_id in count(1):
            if ended.wait(0.01):
                return
            server.post(unique_id, image_of(unique_id))

    poster = threading.Thread(target=post)
    poster.start()
    try:
        yield
    finally:
        ended.set()
        poster.join()


def follow(file: Path, data: str, ids: str) -> dict[str, Any]:
    """What another process saw that followed the file until it had seen `MORE` frames come."""
    # A user's own setting of the library would not be ours.
    environment = {key: value for key, value in os.environ.items() if key != "HDF5_USE_FILE_LOCKING"}
    command = [sys.executable, live_reader.__file__, str(file), data, ids, str(MORE)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(ended.stdout)


def in_silx(opened: Any, path: str) -> Any:
    """A dataset; silx' own types would allow for anything there."""
    return opened[path]


@pytest.mark.parametrize("through", ["the data file", "the master"])
def test_a_reader_is_never_locked_out_and_sees_new_frames(
    detector: StreamingDetector, server: FrameServer, plan: RunPlan, through: str
) -> None:
    path = begin(detector, plan)
    with posting(server):
        wait_written(detector, 1)
        if through == "the master":
            found = follow(plan.master, MASTER_DATA, MASTER_IDS)
        else:
            found = follow(path, DATA, UNIQUE_ID)
    assert found["failures"] == []
    assert found["opened"] >= 100
    assert found["seen"] == sorted(found["seen"])
    assert 0 < found["seen"][0] <= found["seen"][-1] - MORE
    assert finish(detector).account.is_complete


def test_silx_opens_a_run_that_is_recorded(detector: StreamingDetector, server: FrameServer, plan: RunPlan) -> None:
    path = begin(detector, plan)
    with posting(server):
        wait_written(detector, 5)
        with silx.io.open(str(path)) as opened:
            assert len(in_silx(opened, DATA)) >= 5
            assert np.all(in_silx(opened, DATA)[4] == in_silx(opened, UNIQUE_ID)[4] % 251)
        with silx.io.h5py_utils.File(str(plan.master), swmr=True) as opened:
            assert len(in_silx(opened, MASTER_DATA)) >= 5
    finish(detector)
    with silx.io.open(str(plan.master)) as opened:
        assert len(in_silx(opened, MASTER_DATA)) >= 5


@pytest.mark.crash
def test_a_reader_who_has_the_file_open_does_not_hinder_its_recovery(
    detector: StreamingDetector, server: FrameServer, plan: RunPlan
) -> None:
    path = begin(detector, plan)
    for unique_id in range(1, 11):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 10)
    wait_written(detector, 10)
    with h5py.File(path, "r", swmr=True) as reader:
        before = stored(reader, DATA)[()]
        os.kill(detector.pids()["eiger.writer"], signal.SIGKILL)
        wait_closed(detector)
        assert salvage(path, 10).ids == tuple(range(1, 11))
        assert np.array_equal(stored(reader, DATA)[()], before)
    assert list(value_in(path, UNIQUE_ID)) == list(range(1, 11))
    assert np.array_equal(value_in(path, DATA), before)
    wait_until("it can record again", lambda: detector.check() == ())
