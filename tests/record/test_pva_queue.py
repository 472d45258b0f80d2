"""As many frames may wait for a receiver that is held up as its memory allows, in its first run too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beamsession.record.sources.pva import queue_length
from beamsession.record.streaming import StreamingDetector
from frame_server import FrameServer, begin, detector_config, finish, run_plan, wait_received
from frozen import freeze, thaw

IMAGE = np.zeros((64, 64), np.uint16)
WAITING = 600


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrameServer]:
    server = FrameServer()
    for name, value in server.client_environment().items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


def test_the_first_run_knows_the_size_of_frames_from_the_one_that_stands(server: FrameServer, tmp_path: Path) -> None:
    server.post(1, IMAGE)
    detector = StreamingDetector(detector_config(ring_mib=64))
    try:
        begin(detector, run_plan(tmp_path))
        receiver = detector.pids()["eiger.receiver"]
        freeze(receiver)
        for number in range(WAITING):
            server.post(number + 2, IMAGE)
        thaw(receiver)
        wait_received(detector, WAITING)
        ended = finish(detector).account
        assert (ended.written, ended.missing) == (WAITING, 0)
    finally:
        detector.shutdown()


@pytest.mark.parametrize(
    ("ring_mib", "frame_bytes", "updates"),
    [(256, 2 << 20, 128), (256, 32 << 10, 1000), (256, 64 << 20, 4), (16, 0, 50), (256, 0, 128), (65536, 0, 1000)],
)
def test_the_queue_takes_as_much_memory_as_the_ring(ring_mib: int, frame_bytes: int, updates: int) -> None:
    assert queue_length(ring_mib, frame_bytes) == updates
