"""The ring between receiver and writer, both ends in one process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.ring import FrameTooLargeError, Inlet, Outlet, Ring

MEGAPIXEL = FrameFormat((1024, 1024), "<u2")
SMALL = FrameFormat((2, 3), "<i4")


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring = Ring.create(16)
    yield ring
    ring.close()


def frame(unique_id: int, form: FrameFormat = SMALL) -> Frame:
    pixels = np.full(form.shape, unique_id % 100, form.dtype).ravel()
    return Frame(form, unique_id, unique_id + 1, unique_id + 2, pixels)


def ends(ring: Ring, epoch: int = 1) -> tuple[Inlet, Outlet]:
    inlet, outlet = Inlet(ring), Outlet(ring)
    inlet.begin(epoch)
    outlet.begin(epoch)
    return inlet, outlet


def test_a_frame_comes_out_as_it_went_in(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    sent = frame(2**40)
    assert inlet.put(sent)
    [slot] = outlet.take()
    assert (slot.frame.format, slot.frame.unique_id, slot.frame.time_ns) == (SMALL, sent.unique_id, sent.time_ns)
    assert slot.frame.receive_ns == sent.receive_ns
    assert (slot.frame.payload.view("<i4") == sent.payload).all()
    assert not outlet.ended


def test_a_full_ring_refuses_and_takes_again_after_a_release(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    assert [inlet.put(frame(number, MEGAPIXEL)) for number in range(9)] == [True] * 8 + [False]
    slots = outlet.take()
    assert [slot.frame.unique_id for slot in slots] == list(range(8))
    outlet.release(slots[3])
    assert inlet.put(frame(9, MEGAPIXEL))
    assert not inlet.put(frame(10, MEGAPIXEL))
    for slot in slots[:3]:
        assert (slot.frame.payload.view("<u2") == slot.frame.unique_id).all()


def test_a_frame_larger_than_the_ring_is_refused(ring: Ring) -> None:
    inlet, _ = ends(ring)
    with pytest.raises(FrameTooLargeError):
        inlet.put(frame(1, FrameFormat((4096, 4096), "<u2")))


def test_the_end_comes_behind_the_last_frame(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    for number in range(100):
        inlet.put(frame(number))
    inlet.end()
    seen: list[int] = []
    while not outlet.ended:
        seen += [slot.frame.unique_id for slot in outlet.take()]
    assert seen == list(range(100))


def test_what_an_earlier_run_left_behind_is_not_taken(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    for number in range(3):
        inlet.put(frame(number))
    inlet.end()
    inlet.begin(2)
    outlet.begin(2)
    inlet.put(frame(50))
    assert [slot.frame.unique_id for slot in outlet.take()] == [50]
    assert not outlet.ended


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), max_size=200))
def test_no_frame_is_lost_doubled_or_changed_in_any_order_of_puts_and_takes(puts: list[bool]) -> None:
    ring = Ring.create(1)
    form = FrameFormat((100, 100), "<u2")
    try:
        inlet, outlet = ends(ring)
        sent: list[int] = []
        seen: list[int] = []
        for number, is_put in enumerate(puts):
            if is_put and inlet.put(frame(number, form)):
                sent.append(number)
            elif not is_put:
                for slot in outlet.take():
                    assert (slot.frame.payload.view("<u2") == slot.frame.unique_id % 100).all()
                    seen.append(slot.frame.unique_id)
                    outlet.release(slot)
        seen += [slot.frame.unique_id for slot in outlet.take()]
        assert seen == sent
    finally:
        ring.close()
