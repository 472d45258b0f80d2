"""Frames and orders in the order in which they come, against what the time stamps say should be recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.model.completeness import Completeness, Gap
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.frame_clock import FrameClock
from beamsession.record.growth import Growth
from beamsession.record.intake import Intake
from beamsession.record.ring import Inlet, Outlet, Ring, Slot
from beamsession.record.salvage import Salvaged
from beamsession.record.tables.block import Block, Columns

MS = 1_000_000
START = 1_800_000_000_000_000_000
FORM = FrameFormat((2,), "<u2")
delays = st.integers(1, 900)  # a frame that is here at once has no time stamp of its own


@pytest.fixture(scope="module")
def ring() -> Iterator[Ring]:
    ring = Ring.create(16)
    yield ring
    ring.close()


def frame(unique_id: int, posted_ms: int, arrived_ms: int) -> Frame:
    pixels = np.full(2, unique_id % 251, np.uint16)
    return Frame(FORM, unique_id, START + posted_ms * MS, START + arrived_ms * MS, pixels)


@given(
    st.lists(st.tuples(st.integers(1, 200), delays), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(1, 400), delays), max_size=6),
)
def test_whatever_the_delays_exactly_the_frames_posted_outside_the_pauses_that_are_told_are_recorded(
    ring: Ring, frames: list[tuple[int, int]], orders: list[tuple[int, int]]
) -> None:
    inlet, outlet = Inlet(ring), Outlet(ring)
    inlet.begin(1)
    outlet.begin(1)
    intake = Intake("eiger", inlet, None)
    intake.armed = True
    arrivals: list[tuple[int, Frame | tuple[str, int]]] = []
    posted = np.cumsum([step for step, _ in frames]).tolist()
    for unique_id, (at, (_, delay)) in enumerate(zip(posted, frames, strict=True), start=1):
        arrivals.append((at + delay, frame(unique_id, at, at + delay)))
    moments = np.cumsum([step for step, _ in orders]).tolist()
    handled = 0
    for number, (at, (_, delay)) in enumerate(zip(moments, orders, strict=True)):
        handled = max(handled, at + delay)  # orders keep their order
        arrivals.append((handled, ("open" if number % 2 else "close", at)))
    effective: list[int] = []
    for _, item in sorted(arrivals, key=lambda arrival: arrival[0]):
        if isinstance(item, Frame):
            intake.take(item, 0)
            continue
        what, at = item
        moment = intake.gate(closed=what == "close", at_ns=START + at * MS)
        intake.settle()
        effective.append((moment - START) // MS)
    recorded = [slot.frame.unique_id for slot in _taken(outlet)]
    wanted = [number for number, at in enumerate(posted, start=1) if sum(moment < at for moment in effective) % 2 == 0]
    assert sorted(recorded) == wanted
    came = intake.report(ended=True).account
    assert (came.received + came.skipped, came.missing, came.renumbered) == (len(frames), 0, 0)


def _taken(outlet: Outlet) -> Iterator[Slot]:
    while slots := outlet.take():
        for slot in slots:
            yield slot
            outlet.release(slot)


@pytest.mark.parametrize("seconds", [-3600, -2, 0, 5, 3600])
def test_the_time_of_another_clock_is_told_in_ours(seconds: int) -> None:
    clock = FrameClock()
    for number in range(10):
        at = START + number * 100 * MS
        clock.see(at - seconds * 1000 * MS, at + 3 * MS, empty_ns=at + 2 * MS)
    offset = clock.offset
    assert offset is not None
    assert offset.minimum == offset.median == pytest.approx(seconds + 0.003)
    assert abs(clock.ours(START - seconds * 1000 * MS) - START) <= 3 * MS


def test_a_receiver_that_stood_still_takes_no_late_frame_for_a_slow_clock() -> None:
    clock = FrameClock()
    for number in range(10):
        clock.see(START + number * MS, START + 10_000 * MS, empty_ns=START)
    assert clock.ours(START) == START


@pytest.mark.parametrize("time_ns", [START, 631_152_000 * 10**9], ids=["its arrival", "1990"])
def test_frames_without_a_time_of_their_own_are_judged_by_their_arrival(ring: Ring, time_ns: int) -> None:
    inlet = Inlet(ring)
    inlet.begin(2)
    intake = Intake("eiger", inlet, None)
    intake.armed = True
    pixels = np.zeros(2, np.uint16)
    intake.take(Frame(FORM, 1, time_ns, START, pixels), 0)
    intake.gate(closed=True, at_ns=START)
    intake.take(Frame(FORM, 2, time_ns, START, pixels), 0)
    intake.settle()
    intake.take(Frame(FORM, 3, time_ns, START, pixels), 0)
    came = intake.report(ended=True).account
    assert (came.received, came.skipped, came.clock_offset) == (2, 1, None)


def test_growth_goes_on_from_0_after_a_reset_and_what_was_before_is_not_counted() -> None:
    counter = Growth()
    counter.see(100, counting=False)
    for value in (100, 103, 0, 2, 2, 5):
        counter.see(value, counting=True)
    assert (counter.total, counter.was_reset) == (3 + 5, True)


def test_what_a_counter_grew_by_can_be_left_out() -> None:
    counter = Growth()
    for value, counts in ((5, True), (8, True), (20, False), (21, True)):
        if counts:
            counter.see(value)
        else:
            counter.skip(value)
    assert counter.total == 3 + 1


_epochs = count(3)


def intake_of(ring: Ring, declared: int | None = None) -> Intake:
    """An armed one; the ring begins anew."""
    inlet = Inlet(ring)
    inlet.begin(next(_epochs))
    intake = Intake("eiger", inlet, declared)
    intake.armed = True
    return intake


def unstamped(unique_id: int, arrived_ms: int, pixels: int = 2) -> Frame:
    arrived = START + arrived_ms * MS
    return Frame(FrameFormat((pixels,), "<u2"), unique_id, arrived, arrived, np.zeros(pixels, np.uint16))


def account_of(
    ring: Ring, ids: Sequence[int], stamps: Sequence[int] | None, declared: int | None = None
) -> Completeness:
    """Of frames 10 ms apart that came 3 ms after `stamps` ms, or without any time stamps; all are written."""
    intake = intake_of(ring, declared)
    for number, unique_id in enumerate(ids):
        taken = (
            unstamped(unique_id, number * 10) if stamps is None else frame(unique_id, stamps[number], number * 10 + 3)
        )
        intake.take(taken, 0)
    return intake.report(ended=True).account


@pytest.mark.parametrize("stamps", ["none", "frozen", "good"])
def test_a_detector_that_gives_all_frames_one_id_is_recorded_as_one_without_ids(
    ring: Ring, stamps: str, caplog: pytest.LogCaptureFixture
) -> None:
    times = {"none": None, "frozen": [0] * 50, "good": range(0, 500, 10)}[stamps]
    with caplog.at_level(logging.WARNING):
        came = account_of(ring, [0] * 50, times)
    assert came.received >= 50 - came.duplicates
    assert (came.duplicates, came.is_complete) == ((1, False) if stamps == "frozen" else (0, True))
    assert len(caplog.records) == 1


def test_two_frames_that_neither_ids_nor_time_stamps_tell_apart_leave_a_doubt(ring: Ring) -> None:
    assert not account_of(ring, [7, 7], [0, 0]).is_complete
    assert account_of(ring, [7], [0]).is_complete
    assert account_of(ring, [7, 8, 8], [0, 10, 10]).is_complete


def test_a_declared_run_of_a_detector_without_ids_ends_with_the_last_frame(ring: Ring) -> None:
    intake = intake_of(ring, 20)
    for number in range(25):
        assert intake.reached is (number >= 20)
        intake.take(unstamped(0, number), 0)
    assert intake.report(ended=True).account.received == 20


@pytest.mark.parametrize("stamps", [None, [0] * 30], ids=["no time stamps", "frozen time stamps"])
def test_frames_with_an_old_id_and_no_time_are_recorded_and_leave_a_doubt(ring: Ring, stamps: list[int] | None) -> None:
    came = account_of(ring, [*range(1, 11)] * 3, stamps)
    assert (came.received, came.duplicates, came.lost) == (30, 0, 0)
    assert came.doubt == "frames may be missing: its unique ids do not tell its frames apart"
    assert came.settled(written=30, expected=30).is_complete


def test_ids_that_begin_anew_with_a_clock_that_was_set_back_are_other_frames(ring: Ring) -> None:
    came = account_of(ring, [*range(1, 11)] * 2, [*range(1000, 1010), *range(500, 510)])
    assert (came.received, came.duplicates, bool(came.doubt)) == (20, 0, True)


def test_a_frame_that_is_sent_again_is_written_once_also_after_the_ids_began_anew(ring: Ring) -> None:
    came = account_of(ring, [1, 2, 3, 4, 3, 1, 2, 4, 3, 4], [10, 20, 30, 40, 30, 60, 70, 40, 80, 90])
    assert (came.received, came.duplicates, came.renumbered, came.missing, came.doubt) == (8, 2, 1, 0, "")


def test_ids_that_stand_still_after_they_went_on_leave_a_doubt(ring: Ring) -> None:
    came = account_of(ring, [1, 2, 3, 3, 3, 3, 3], range(0, 70, 10))
    assert (came.received, came.lost, bool(came.doubt)) == (7, 0, True)


def test_one_frame_for_each_acquisition_is_complete(ring: Ring) -> None:
    assert account_of(ring, [1] * 40, range(0, 400, 10)).is_complete
    assert account_of(ring, [1, 1, 2, 1, 2], range(0, 50, 10)).is_complete


@pytest.mark.parametrize(
    ("ids", "gaps", "doubtful"),
    [
        ([*range(1, 11), *range(4, 11)], [(1, 3)], False),
        ([*range(1, 11), 2, 1, 3], [], False),
        ([*range(100, 105), 1, 2, 3, 2, 3], [(1, 1)], False),
        ([*range(100, 105), 7, 8], [], True),
        ([*range(100, 105), 0, 1], [], False),
        ([2**31 - 2, 2**31 - 1, -(2**31), 1 - 2**31], [], False),
    ],
)
def test_frames_that_are_lost_after_the_ids_began_anew_are_seen(
    ring: Ring, ids: list[int], gaps: list[tuple[int, int]], doubtful: bool
) -> None:
    stamps = [number * 10 for number in range(len(ids))]
    if ids[10:12] == [2, 1]:
        stamps[10:12] = [110, 105]  # one overtook the other
    came = account_of(ring, ids, stamps)
    assert (came.received, came.renumbered > 0, came.duplicates) == (len(ids), True, 0)
    assert [(gap.first, gap.last) for gap in came.gaps] == gaps
    assert (came.missing, bool(came.doubt)) == (sum(last - first + 1 for first, last in gaps), doubtful)


@pytest.mark.parametrize("wrong", [0, 5], ids=["the first", "one amidst"])
def test_one_time_stamp_in_the_future_opens_no_pause_and_passes_no_stop(ring: Ring, wrong: int) -> None:
    intake = intake_of(ring)
    for number in range(10):
        intake.take(frame(number, number * 10 + (3_600_000 if number == wrong else 0), number * 10 + 3), 0)
    moment = intake.gate(closed=True, at_ns=START + 100 * MS)
    intake.settle()
    assert moment == START + 100 * MS
    intake.take(frame(10, 95, 110), 0)
    intake.take(frame(11, 105, 111), 0)
    intake.take(frame(12, 3_600_110, 112), 0)
    report = intake.report(ended=True).account
    assert (report.received, report.skipped) == (11, 2)
    assert report.clock_offset is not None
    assert report.clock_offset.minimum == pytest.approx(0.003)


def test_a_clock_that_is_set_right_is_followed() -> None:
    clock = FrameClock()
    for number in range(300):
        at = START + number * 100 * MS
        clock.see(at + (3_600_000 * MS if number < 150 else 0), at + 3 * MS, empty_ns=0)
    assert clock.ours(START) == START


@pytest.mark.parametrize("back_ms", [1_500, 30_000])
def test_after_its_clock_was_set_back_frames_are_judged_by_their_arrival(ring: Ring, back_ms: int) -> None:
    intake = intake_of(ring)

    def take(first: int, last: int, behind_ms: int) -> None:
        for number in range(first, last):
            at = number * 10
            intake.take(frame(number, at - behind_ms, at + 3), START + (at + 2) * MS)

    take(0, 20, 0)
    take(20, 200, back_ms)
    intake.gate(closed=True, at_ns=START + 2_000 * MS)
    intake.settle()
    take(200, 250, back_ms)
    intake.gate(closed=False, at_ns=START + 2_500 * MS)
    intake.settle()
    take(250, 300, back_ms)
    intake.stop(START + 3_000 * MS)
    take(300, 350, back_ms)
    assert intake.is_over(time.monotonic(), held_back=False)
    came = intake.report(ended=True).account
    assert came.skipped == 50
    assert 250 <= came.received <= 262  # what comes within 0.1 s may have been on its way
    assert (came.missing, came.doubt) == (0, "")


def test_a_pause_of_frames_that_all_have_one_time_stamp_is_kept(ring: Ring) -> None:
    intake = intake_of(ring)
    for number in range(30):
        if number in (10, 20):
            intake.gate(closed=number == 10, at_ns=START + number * 10 * MS)
            intake.settle()
        arrived = START + number * 10 * MS
        intake.take(Frame(FORM, number, 10**18, arrived, np.zeros(2, np.uint16)), arrived - MS)
    came = intake.report(ended=True).account
    assert (came.received, came.skipped, came.missing) == (20, 10, 0)


def test_a_frame_that_came_before_the_detector_was_armed_and_was_held_back_is_not_of_the_run(ring: Ring) -> None:
    intake = intake_of(ring)
    intake.arm(START + 10 * MS)
    for number, arrived_ms in ((7, 5), (8, 10), (1, 11), (2, 12)):
        intake.take(frame(number, arrived_ms - 3, arrived_ms), 0)
    came = intake.report(ended=True).account
    assert (came.received, came.missing, came.renumbered) == (2, 0, 0)


def test_a_large_frame_is_waited_for_longer_than_a_small_one(ring: Ring) -> None:
    for pixels, quiet in ((2, 0.1), (1_250_000, 0.2)):
        intake = intake_of(ring)
        intake.take(unstamped(1, 0, pixels), 0)
        before = time.monotonic()
        intake.stop(START + 10 * MS)
        assert not intake.is_over(before + 0.99 * quiet, held_back=False)
        assert intake.is_over(time.monotonic() + 1.01 * quiet, held_back=False)


def test_frames_without_time_stamps_are_after_the_stop_by_their_arrival_unless_they_waited_with_us(ring: Ring) -> None:
    intake = intake_of(ring)
    intake.take(unstamped(1, 0), 0)
    stop = START + 10 * MS
    intake.stop(stop)
    before = time.monotonic()
    intake.take(unstamped(2, 20), stop + 1)
    intake.take(unstamped(3, 500), stop - 1)
    assert not intake.is_over(before, held_back=False)
    intake.take(unstamped(5, 500), stop + 1)
    assert intake.is_over(before, held_back=False)
    came = intake.report(ended=True).account
    assert (came.received, came.gaps, came.doubt) == (3, (Gap(first=4, last=4),), "")


def test_a_stop_that_had_to_end_before_all_frames_were_here_leaves_a_doubt(ring: Ring) -> None:
    intake = intake_of(ring)
    intake.take(frame(1, 0, 3), 0)
    intake.stop(START + 10 * MS)
    assert not intake.is_over(time.monotonic(), held_back=True)
    assert intake.is_over(time.monotonic() + 3.1, held_back=True)
    assert intake.report(ended=True).account.doubt == "frames may be missing: they were still coming 3 s after the stop"


def test_updates_that_came_too_fast_leave_a_doubt_in_a_run_only(ring: Ring) -> None:
    intake = intake_of(ring)
    intake.armed = False
    intake.miss_updates()
    assert not intake.report(ended=False).account.doubt
    intake.armed = True
    intake.miss_updates()
    assert "updates may be missing" in intake.report(ended=True).account.doubt


def test_the_file_of_a_killed_writer_says_nothing_of_pauses_nor_of_ids_that_began_anew() -> None:
    paused = Completeness(detector="eiger", received=4, written=2, skipped=3)
    assert Salvaged(ids=(1, 2, 6, 7)).account(paused).missing == 0
    renumbered = Completeness(
        detector="eiger", received=5, written=3, renumbered=1, lost=1, missing=1, gaps=(Gap(first=3, last=3),)
    )
    found = Salvaged(ids=(1, 2, 4, 1, 2)).account(renumbered)
    assert (found.received, found.written, found.missing, found.duplicates) == (5, 5, 1, 0)
    assert found.gaps == (Gap(first=3, last=3),)
    plain = Salvaged(ids=(1, 2, 4)).account(Completeness(detector="eiger", received=2, written=1))
    assert (plain.written, plain.missing) == (3, 1)


def test_a_table_that_was_never_processed_has_no_time_stamp() -> None:
    assert not Block(Columns(()), 0, 631_152_000 * 10**9, START, ()).is_stamped
    assert Block(Columns(()), 0, START - 1, START, ()).is_stamped
