"""The threads that compress frames between ring and data file, both ends of the ring in one process."""

from __future__ import annotations

import select
from collections.abc import Iterator
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamsession.record.compression import Chunk
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.lane import Compressing
from beamsession.record.ring import Inlet, Outlet, Ring

MEGAPIXEL = FrameFormat((1024, 1024), "<u2")
PATIENCE_S = 60.0


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring = Ring.create(64)
    yield ring
    ring.close()


def frame(unique_id: int, form: FrameFormat = MEGAPIXEL) -> Frame:
    return Frame(form, unique_id, 0, 0, np.full(form.shape, unique_id % 100, form.dtype).ravel())


def summed(frame: Frame) -> Chunk:
    """The sum of a frame's pixels: tells whether the slot still held that frame."""
    return Chunk(np.array([frame.payload.view(frame.format.dtype).sum(dtype=np.int64)]))


def given_out(lane: Compressing, count: int) -> list[tuple[int, Chunk | None]]:
    """Wait for the next `count` frames, or the end."""
    seen: list[tuple[int, Chunk | None]] = []
    while len(seen) < count and not lane.ended:
        assert select.select(lane.wake(), (), (), PATIENCE_S)[0], f"only {len(seen)} of {count} frames came"
        seen += [(slot.frame.unique_id, chunk) for slot, chunk in lane.ready()]
    return seen


def ends(ring: Ring) -> tuple[Inlet, Outlet]:
    inlet, outlet = Inlet(ring), Outlet(ring)
    inlet.begin(1)
    outlet.begin(1)
    return inlet, outlet


@settings(max_examples=20, deadline=None)
@given(side=st.integers(1, 400), count=st.integers(0, 150), threads=st.integers(1, 4))
def test_frames_come_out_as_they_went_in(side: int, count: int, threads: int) -> None:
    ring = Ring.create(16)
    inlet, outlet = ends(ring)
    lane = Compressing(outlet, summed, threads)
    form = FrameFormat((side, side), "<u2")
    try:
        seen: list[tuple[int, Chunk | None]] = []
        for number in range(count):
            while not inlet.put(frame(number, form)):
                seen += given_out(lane, 1)
        inlet.end()
        seen += given_out(lane, count + 1)
        assert [number for number, _ in seen] == list(range(count))
        for number, chunk in seen:
            assert chunk is not None
            assert chunk.data[0] == number % 100 * side * side
        assert lane.ended
    finally:
        lane.close()
        ring.close()


def test_no_more_than_a_few_compressed_frames_wait_and_all_slots_behind_them_are_free(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    compressed = 0

    def counting(frame: Frame) -> Chunk:
        nonlocal compressed
        compressed += 1
        return summed(frame)

    lane = Compressing(outlet, counting, 1)
    posted = 0
    while inlet.put(frame(posted)):
        posted += 1
    assert posted == 32
    reading = lane.ready()
    next(reading, None)  # the writer stands still with the first frame in its hands, or before it
    lane._threads.submit(int).result(PATIENCE_S)  # behind all that was handed over
    assert compressed <= 4
    free = 0
    while inlet.put(frame(posted)):
        posted, free = posted + 1, free + 1
    assert free == compressed
    del reading
    inlet.end()
    lane.close()


def test_slots_are_free_before_their_frames_are_written(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    lane = Compressing(outlet, summed, 2)
    for number in range(32):
        assert inlet.put(frame(number))
    assert not inlet.put(frame(32))
    list(lane.ready())
    assert select.select(lane.wake(), (), (), PATIENCE_S)[0]
    lane._threads.submit(int).result(PATIENCE_S)
    assert inlet.put(frame(32))
    lane.close()


def test_dropped_frames_are_not_compressed_and_their_slots_come_back(ring: Ring) -> None:
    inlet, outlet = ends(ring)
    held, released = Event(), Event()

    def slow(frame: Frame) -> Chunk:
        held.set()
        assert released.wait(PATIENCE_S)
        return summed(frame)

    lane = Compressing(outlet, slow, 1)
    for number in range(32):
        inlet.put(frame(number))
    inlet.end()
    list(lane.ready())
    assert held.wait(PATIENCE_S)
    lane.drop()
    released.set()
    seen = given_out(lane, 33)
    assert len(seen) == 32
    assert sum(chunk is not None and chunk.data.nbytes > 8 for _, chunk in seen) >= 30
    assert sum(inlet.put(frame(number)) for number in range(40)) == 32
    lane.close()


def test_an_error_of_a_codec_comes_out_where_the_frame_would_have(ring: Ring) -> None:
    inlet, outlet = ends(ring)

    def greedy(frame: Frame) -> Chunk:
        if frame.unique_id == 1:
            raise MemoryError
        return summed(frame)

    lane = Compressing(outlet, greedy, 1)
    for number in range(3):
        inlet.put(frame(number))
    with pytest.raises(MemoryError):
        given_out(lane, 3)
    lane.close()
