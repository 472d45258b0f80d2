"""Which frames a pause leaves out, and what a detector's own counter, its clock and its silence tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.completeness import Gap
from beamsession.model.report import Problem
from beamsession.record.datafile import UNIQUE_ID
from beamsession.record.streaming import StreamingDetector
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    finish,
    image_of,
    run_plan,
    value_in,
    wait_closed,
    wait_received,
    wait_until,
)
from frozen import freeze, thaw

MS = 1_000_000
SECOND = 1_000_000_000
Build = Callable[..., StreamingDetector]


@pytest.fixture(scope="module")
def shared_detector(environment: None) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(
        detector_config(produced_pv="DET:Made", exposure_pv="DET:Exposure", stall_s=0.4, units="counts")
    )
    yield detector
    detector.shutdown()


def ids_in(path: Path) -> list[int]:
    return list(value_in(path, UNIQUE_ID))


def codes(warnings: tuple[Problem, ...]) -> list[str]:
    return [warning.code for warning in warnings]


@pytest.mark.parametrize("ahead_s", [0, 20, -20], ids=["same clock", "its clock is ahead", "its clock is behind"])
def test_a_frame_is_judged_by_when_it_was_posted_and_not_by_when_it_came(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, ahead_s: int
) -> None:
    path = begin(detector, run_plan(tmp_path))
    ahead = ahead_s * SECOND
    server.post(1, image_of(1), time.time_ns() + ahead)
    wait_received(detector, 1)
    begun = time.time_ns() + 200 * MS  # beyond what is not known of the detector's clock
    pauses = [(begun, begun + 100 * MS), (begun + 200 * MS, begun + 300 * MS)]
    for start, stop in pauses:
        detector.pause(start)
        detector.resume(stop)
    wait_until("these moments are past", lambda: time.time_ns() > begun + 600 * MS)
    moments = {2: -50, 3: 50, 4: 150, 5: 250, 6: 350, 7: 0, 8: 100, 9: 500}
    for unique_id, after_ms in moments.items():
        server.post(unique_id, image_of(unique_id), begun + after_ms * MS + ahead)
    wanted = [1, 2, 4, 6, 7, 9] if not ahead_s else [1, 2, 4, 6, 9]
    wait_received(detector, len(wanted))
    ended = finish(detector).account
    found = ids_in(path)
    assert [unique_id for unique_id in found if unique_id not in (7, 8)] == [1, 2, 4, 6, 9]
    if not ahead_s:
        assert found == wanted
    assert (ended.missing, ended.skipped + ended.received) == (0, 9)


def test_frames_that_came_during_a_pause_and_were_posted_before_are_recorded(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    before = time.time_ns()
    detector.pause(time.time_ns())
    server.post(1, image_of(1), before)
    server.post(2, image_of(2))
    wait_received(detector, 1)
    assert finish(detector).account.missing == 0
    assert ids_in(path) == [1]


def test_frames_without_time_stamps_are_judged_by_their_arrival(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    server.post(1, image_of(1), 0)
    wait_received(detector, 1)
    detector.pause(time.time_ns())
    server.post(2, image_of(2), 0)
    wait_until("it was left out", lambda: detector.progress().account.skipped)
    detector.resume(time.time_ns())
    server.post(3, image_of(3), 0)
    wait_received(detector, 2)
    assert finish(detector).account.missing == 0
    assert ids_in(path) == [1, 3]


def test_frames_lost_at_the_very_end_are_told_by_the_detectors_own_counter(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.made.post(1000, timestamp=time.time())
    begin(detector, run_plan(tmp_path))
    server.made.post(0, timestamp=time.time())  # it is reset when the acquisition starts
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    server.made.post(5, timestamp=time.time())
    wait_received(detector, 3)
    ended = finish(detector).account
    assert (ended.produced, ended.received, ended.gaps, ended.missing) == (5, 3, (), 2)


def test_what_was_made_before_arming_in_pauses_and_beyond_the_declared_number_is_not_missing(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.made.post(1000, timestamp=time.time())
    begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 2)
    detector.pause(time.time_ns())
    server.post(3, image_of(3))
    wait_until("it was left out", lambda: detector.progress().account.skipped)
    server.made.post(1003, timestamp=time.time())
    ended = finish(detector).account
    assert (ended.produced, ended.received, ended.missing) == (3, 2, 0)

    begin(detector, run_plan(tmp_path, 2, frames=2))
    server.made.post(1013, timestamp=time.time())
    for unique_id in (1, 2):
        server.post(unique_id, image_of(unique_id))
    ended = finish(detector).account
    assert (ended.received, ended.missing) == (2, 0)


def test_a_counter_that_stood_still_before_the_run_is_counted_from_where_it_stood(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.made.post(1000, timestamp=time.time())
    for run in (1, 2):
        begin(detector, run_plan(tmp_path, run))
        for unique_id in (1, 2):
            server.post(unique_id, image_of(unique_id))
        wait_received(detector, 2)
        server.made.post(1000 + 3 * run, timestamp=time.time())
        ended = finish(detector).account
        assert (ended.produced, ended.missing) == (3, 1)


def test_a_detector_whose_clock_stands_still_can_be_paused(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id), 10**18)
    wait_received(detector, 3)
    detector.pause(time.time_ns())
    server.post(4, image_of(4), 10**18)
    wait_until("it was left out", lambda: detector.progress().account.skipped)
    detector.resume(time.time_ns())
    server.post(5, image_of(5), 10**18)
    wait_received(detector, 4)
    assert finish(detector).account.missing == 0
    assert ids_in(path) == [1, 2, 3, 5]


def test_a_faster_detector_is_expected_to_make_more(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path, frames=2, detectors=(detector_config(frames_factor=2),)))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 3)
    ended = finish(detector).account
    assert (ended.expected, ended.received, ended.missing) == (4, 3, 1)


def test_what_it_made_after_the_stop_is_not_missing(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.made.post(0, timestamp=time.time())
    begin(detector, run_plan(tmp_path))
    server.post(1, image_of(1))
    wait_received(detector, 1)
    server.made.post(1, timestamp=time.time())
    receiver = detector.pids()["eiger.receiver"]
    freeze(receiver)
    server.made.post(9, timestamp=time.time() + 60)
    detector.stop(drain=True)
    thaw(receiver)
    assert wait_closed(detector).account.missing == 0


def test_a_detector_that_goes_on_after_the_stop_shows_by_its_ids_what_was_lost_before(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.made.post(0, timestamp=time.time())
    path = begin(detector, run_plan(tmp_path))
    receiver = detector.pids()["eiger.receiver"]
    freeze(receiver)
    for unique_id in (1, 2):
        server.post(unique_id, image_of(unique_id))
    server.made.post(50, timestamp=time.time())
    detector.stop(drain=True)
    for unique_id in (4, 6):
        server.post(unique_id, image_of(unique_id))
    thaw(receiver)
    ended = wait_closed(detector).account
    assert ids_in(path) == [1, 2]
    assert (ended.produced, ended.gaps, ended.missing, ended.skipped) == (None, (Gap(first=3, last=3),), 1, 0)


def test_ids_that_begin_anew_are_other_frames_and_no_duplicates(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2, 4, 1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 6)
    ended = finish(detector).account
    assert ids_in(path) == [1, 2, 4, 1, 2, 3]
    assert (ended.duplicates, ended.renumbered, ended.missing) == (0, 1, 1)
    assert ended.gaps == (Gap(first=3, last=3),)


def test_the_clocks_are_compared(detector: StreamingDetector, server: FrameServer, tmp_path: Path) -> None:
    begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id), time.time_ns() - 3600 * SECOND)
    wait_received(detector, 3)
    offset = finish(detector).account.clock_offset
    assert offset is not None
    assert 3600 <= offset.minimum <= offset.median < 3700
    assert offset.frames == 3
    assert detector.measure().clock_offset == offset


def test_a_detector_that_makes_no_frames_is_told_until_one_comes(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path))
    (warning,) = wait_until("it is told", lambda: detector.progress().warnings)
    assert warning.code == "NO_FRAMES"
    assert warning.sentence.startswith("eiger: no frame for ")
    detector.pause(time.time_ns())
    assert detector.progress().warnings == ()
    detector.resume(time.time_ns())
    wait_until("it is told again", lambda: codes(detector.progress().warnings) == ["NO_FRAMES"])
    server.exposure.post(3600.0, timestamp=time.time())
    server.post(1, image_of(1))
    wait_until("a long exposure is waited for", lambda: detector.progress().warnings == ())
    server.exposure.post(0.0, timestamp=time.time())
    ended = finish(detector)
    assert (ended.failure, ended.warnings) == ("", ())


def test_a_stall_can_end_the_run(environment: None, server: FrameServer, tmp_path: Path) -> None:
    detector = StreamingDetector(detector_config(stall_s=0.2, stall_ends_run=True))
    try:
        begin(detector, run_plan(tmp_path))
        assert wait_until("it fails", lambda: detector.progress().failure).startswith("no frame for")
        finish(detector)
    finally:
        detector.shutdown()


def test_one_that_has_its_frames_is_not_awaited_after_a_pause(
    environment: None, server: FrameServer, tmp_path: Path
) -> None:
    detector = StreamingDetector(detector_config(stall_s=0.2, stall_ends_run=True))
    try:
        begin(detector, run_plan(tmp_path, frames=1))
        server.post(1, image_of(1))
        wait_closed(detector)
        detector.pause(time.time_ns())
        detector.resume(time.time_ns())
        resumed = time.monotonic()
        wait_until("a stall would be noticed", lambda: time.monotonic() > resumed + 0.4)
        ended = detector.progress()
        assert (ended.failure, ended.account.written, ended.account.missing) == ("", 1, 0)
    finally:
        detector.shutdown()


def test_what_a_frame_needs_is_known_before_the_first_run(
    environment: None, server: FrameServer, tmp_path: Path
) -> None:
    server.post(1, image_of(1, (100, 200)))
    detector = StreamingDetector(detector_config())
    try:
        wait_until("it is connected", lambda: detector.check() == ())
        assert detector.measure().frame_bytes == 100 * 200 * 2
    finally:
        detector.shutdown()


class TestDisconnections:
    """An IOC that goes away in a run and comes back on the same port."""

    @pytest.fixture
    def restarted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FrameServer, Any]]:
        server = FrameServer()
        for name, value in server.client_environment().items():
            monkeypatch.setenv(name, value)
        detector = StreamingDetector(detector_config())
        begin(detector, run_plan(tmp_path))
        yield server, detector
        detector.shutdown()
        server.stop()

    def go_and_come(self, server: FrameServer, detector: StreamingDetector, *, empty: bool = False) -> None:
        server.go_away()
        wait_until("it is told at once", lambda: "PV_GONE" in codes(detector.progress().warnings))
        server.come_back(empty=empty)
        wait_until("it is back", lambda: "PV_GONE" not in codes(detector.progress().warnings))

    def test_ids_that_go_on_decide(self, restarted: tuple[FrameServer, StreamingDetector]) -> None:
        server, detector = restarted
        for unique_id in (1, 2, 3):
            server.post(unique_id, image_of(unique_id))
            wait_received(detector, unique_id)
        self.go_and_come(server, detector)
        server.post(4, image_of(4))
        wait_received(detector, 4)
        ended = finish(detector).account
        assert (ended.missing, ended.duplicates, ended.disconnections, ended.doubt) == (0, 0, 1, "")
        assert ended.is_complete

    def test_ids_that_begin_anew_leave_a_doubt(self, restarted: tuple[FrameServer, StreamingDetector]) -> None:
        server, detector = restarted
        for unique_id in (1, 2, 3):
            server.post(unique_id, image_of(unique_id))
            wait_received(detector, unique_id)
        self.go_and_come(server, detector, empty=True)
        server.post(1, image_of(1))
        wait_received(detector, 4)
        ended = finish(detector).account
        assert (ended.missing, ended.written) == (0, 4)
        assert not ended.is_complete
        assert ended.doubt == "frames may be missing: its source disconnected, and its unique ids began anew"

    def test_one_that_stays_away_leaves_a_doubt(self, restarted: tuple[FrameServer, StreamingDetector]) -> None:
        server, detector = restarted
        server.post(1, image_of(1))
        wait_received(detector, 1)
        server.go_away()
        wait_until("it is told at once", lambda: "PV_GONE" in codes(detector.progress().warnings))
        ended = finish(detector).account
        assert (ended.missing, ended.is_complete) == (0, False)
        assert ended.doubt == "frames may be missing: its source disconnected, and no frame has come since"
