"""Frames and orders in the order in which they come, against what the time stamps say should be recorded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.frame_clock import FrameClock
from beamsession.record.growth import Growth
from beamsession.record.intake import Intake
from beamsession.record.ring import Inlet, Outlet, Ring, Slot

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
    pixels = np.full(2, unique_id, np.uint16)
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
