"""The engines of a recorder go on being watched, whatever one of them does."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial

import pytest

from beamsession.model.report import Problem
from beamsession.record import engines
from beamsession.record.detector import Detector
from beamsession.record.engines import Engines
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.streaming import StreamingDetector
from frame_server import FrameServer, detector_config, wait_until


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrameServer]:
    server = FrameServer()
    for name, value in server.client_environment().items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


class Fragile(StreamingDetector):
    """One whose check fails in a way that nobody has thought of, once it is told to."""

    fails = False

    def check(self) -> tuple[Problem, ...]:
        if self.fails:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return super().check()


def fail(detector: Detector) -> None:
    assert isinstance(detector, Fragile)
    detector.fails = True


def test_a_check_that_fails_is_told_and_the_others_are_still_checked(
    server: FrameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_CHECK_S", 1.0)
    builders = {name: partial(Fragile, detector_config(name=name)) for name in ("fragile", "sound")}
    watched = Engines(builders, partial(ReadingsRecorder, (), ()), tuple)

    def told() -> list[tuple[str, str]]:
        return [(item.code, item.sentence) for item in watched.problems()]

    try:
        wait_until("nothing is wrong", lambda: not told())
        watched.detectors["fragile"].call(fail, 60.0)
        expected = ("ENGINE_BROKEN", "'fragile' could not be checked: OSError: [Errno 9] Bad file descriptor")
        wait_until("it cannot be checked", lambda: expected in told())
        server.go_away()
        wait_until("the other one is still checked", lambda: any("DET:Image" in sentence for _, sentence in told()))
    finally:
        watched.shutdown(60.0)


def test_while_a_run_is_live_the_detectors_that_are_not_in_it_are_still_checked(
    server: FrameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_CHECK_S", 0.5)
    at_work: set[str] = set()
    builders = {name: partial(StreamingDetector, detector_config(name=name)) for name in ("used", "spare")}
    watched = Engines(builders, partial(ReadingsRecorder, (), ()), lambda: at_work)

    def told() -> set[str]:
        return {problem.detector for problem in watched.problems()}

    try:
        wait_until("all processes are up", lambda: not watched.problems())
        server.go_away()
        wait_until("both are told", lambda: told() == {"used", "spare"})
        at_work.add("used")
        assert told() == {"spare"}  # of the other one its run tells
        server.come_back()
        wait_until("the spare one is well again, run or no run", lambda: not told())
        server.go_away()
        wait_until("the spare one is dead again", lambda: told() == {"spare"})
        at_work.clear()
        wait_until("both are checked again", lambda: told() == {"used", "spare"})
    finally:
        watched.shutdown(60.0)
