"""The way of frames from the ring to the data file: straight, or through threads that compress them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from beamsession.record.compression import Chunk, Encoder
from beamsession.record.frame import Frame
from beamsession.record.pace import Pace
from beamsession.record.ring import Outlet, Slot

_JOB_BYTES = 1 << 20  # small frames go to a thread together: handing over costs as much as compressing one
_RELEASED_BYTES = 1 << 18
_JOBS_PER_THREAD = 3  # one in work, one next, one done while the file is flushed

Ready = tuple[Slot, Chunk | None]


class Lane(Protocol):
    """Frames of one run, in the order in which they came."""

    def wake(self) -> Sequence[int]:
        """Descriptors of which one is readable when there is something to do."""
        ...

    def ready(self) -> Iterator[Ready]:
        """The frames that can be written now; the slot of each is used no more once the next one is asked for."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the run's last frame has been given out."""
        ...

    def drop(self) -> None:
        """Waste no more time on frames: those that still come out are not wanted."""
        ...

    def close(self) -> None:
        """End the threads; frames that were not given out are lost."""
        ...


def lane_for(outlet: Outlet, encode: Encoder | None, threads: int) -> Lane:
    """The lane of a run whose frames are compressed by `encode` in `threads` threads, if at all."""
    return Straight(outlet) if encode is None else Compressing(outlet, encode, threads)


class Straight:
    """Frames are written as they stand in the ring; small ones are taken, and their slots given back, together."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._pace = Pace()

    def wake(self) -> Sequence[int]:
        return (self._outlet.fileno(),)

    def ready(self) -> Iterator[Ready]:
        self._pace.wait()
        written: list[Slot] = []
        size = 0
        for slot in self._outlet.take():
            yield slot, None
            written.append(slot)
            size += slot.frame.payload.nbytes
            if size >= _RELEASED_BYTES:
                self._outlet.release(*written)
                written.clear()
                size = 0
        if written:
            self._outlet.release(*written)

    @property
    def ended(self) -> bool:
        return self._outlet.ended

    def drop(self) -> None:
        pass

    def close(self) -> None:
        pass


class Compressing:
    """Threads compress frames side by side; they come out as they came in.

    A slot is free again as soon as its frame is compressed. Of compressed frames no more wait than `_JOBS_PER_THREAD`
    pieces of work for each thread, one frame or `_JOB_BYTES` of smaller ones each; behind them the ring fills.
    """

    def __init__(self, outlet: Outlet, encode: Encoder, threads: int) -> None:
        self._outlet = outlet
        self._encode = encode
        self._most = _JOBS_PER_THREAD * threads
        self._waiting: deque[Slot] = deque()
        self._jobs: deque[Future[list[tuple[Slot, Chunk]]]] = deque()
        self._done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._threads = ThreadPoolExecutor(threads, "compress")

    def wake(self) -> Sequence[int]:
        if len(self._jobs) >= self._most or self._outlet.ended:
            return (self._done,)
        return (self._outlet.fileno(), self._done)

    def ready(self) -> Iterator[Ready]:
        with suppress(BlockingIOError):
            os.eventfd_read(self._done)
        self._feed()
        while self._jobs and self._jobs[0].done():
            for slot, chunk in self._jobs.popleft().result():
                yield slot, chunk
                if _lies_in(slot, chunk):
                    self._outlet.release(slot)
            self._feed()

    @property
    def ended(self) -> bool:
        return self._outlet.ended and not self._waiting and not self._jobs

    def drop(self) -> None:
        self._encode = _as_it_is

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        os.close(self._done)

    def _feed(self) -> None:
        while len(self._jobs) < self._most:
            if not self._waiting:
                self._waiting.extend(self._outlet.take())
                if not self._waiting:
                    return
            job = self._threads.submit(self._compress, self._next_job())
            job.add_done_callback(self._tell)
            self._jobs.append(job)

    def _next_job(self) -> list[Slot]:
        slots = [self._waiting.popleft()]
        size = slots[0].frame.payload.nbytes
        while self._waiting and size + self._waiting[0].frame.payload.nbytes <= _JOB_BYTES:
            slots.append(self._waiting.popleft())
            size += slots[-1].frame.payload.nbytes
        return slots

    def _compress(self, slots: list[Slot]) -> list[tuple[Slot, Chunk]]:
        done = [(slot, self._encode(slot.frame)) for slot in slots]
        self._outlet.release(*(slot for slot, chunk in done if not _lies_in(slot, chunk)))
        return done

    def _tell(self, _: Future[list[tuple[Slot, Chunk]]]) -> None:
        os.eventfd_write(self._done, 1)


def _lies_in(slot: Slot, chunk: Chunk) -> bool:
    """Whether the chunk is the frame as it stands in the ring."""
    return chunk.data is slot.frame.payload


def _as_it_is(frame: Frame) -> Chunk:
    return Chunk(frame.payload)
