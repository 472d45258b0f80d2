"""What the tests of frames over PV Access share: one server for each module, and its detector given back unused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from beamsession.record.streaming import StreamingDetector
from frame_server import FrameServer, finish


@pytest.fixture(scope="module")
def server() -> Iterator[FrameServer]:
    """Its frames are found by what is started while `environment` is asked for."""
    server = FrameServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def environment(server: FrameServer) -> Iterator[None]:
    """Clients started from now on find the server, and no other."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.client_environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def detector(shared_detector: StreamingDetector) -> Iterator[StreamingDetector]:
    """The module's `shared_detector`; a run that a test leaves open is ended."""
    yield shared_detector
    if shared_detector.data_file() is not None:
        finish(shared_detector, drain=False)
