"""A writer process with frames already in its ring: how fast does it empty it into a file?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beamsession.model.detector import Compression
from beamsession.model.plan import FileRules
from beamsession.record.child import Child, Message
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.orders import Reserve, format_to_json
from beamsession.record.ring import Inlet, Ring
from beamsession.record.streaming import WRITER_ENVIRONMENT
from frame_rig import MIB
from rows import Load, load_of

_ANSWER_S = 60.0
_LOOK_S, _LONGEST_LOOK_S = 0.0005, 0.02


class FullRing:
    """One writer, which is held while its ring is filled, so only emptying it is timed: a run and a file each time."""

    def __init__(self, path: Path, side: int, dtype: str, compression: Compression, threads: int, slots: int) -> None:
        self._path = path
        self._compression = compression
        self._threads = threads
        self._form = FrameFormat((side, side), np.dtype(dtype).str)
        self._slots = slots
        self._ring = Ring.create(-(-slots * self._form.nbytes // MIB) + 1)
        self._messages: list[Message] = []
        self._writer = Child(
            "beamsession.record.writer",
            "bench",
            self._ring.arguments,
            name="bench.writer",
            on_message=self._messages.append,
            pass_fds=self._ring.outlet_fds,
            environment=os.environ | WRITER_ENVIRONMENT,
        )
        self._inlet = Inlet(self._ring)
        self._epoch = 0
        self._next_id = 0

    def emptied(self, images: list[NDArray]) -> float:
        """Frames/s of one run, whose file is removed; every frame has to be in it."""
        self.fill(images)
        begin = self.let_go()
        rate = self._slots / (self.wait_empty() - begin)
        assert self.end() == self._slots
        return rate

    def fill(self, images: list[NDArray]) -> None:
        """Begin a run, hold the writer, fill the ring."""
        self._begin()
        self._signal(signal.SIGSTOP)
        while "T" not in Path(f"/proc/{self._writer.pid}/stat").read_text().rsplit(")", 1)[1][:3]:
            time.sleep(0.001)
        for _ in range(self._slots):
            image = images[self._next_id % len(images)].view(np.uint8)
            now = time.time_ns()
            assert self._inlet.put(Frame(self._form, self._next_id, now, now, image)), "the ring is too small"
            self._next_id += 1

    def let_go(self) -> float:
        """Let the writer go on; the instant at which it did."""
        self._signal(signal.SIGCONT)
        return time.perf_counter()

    def wait_empty(self) -> float:
        """Wait until all frames are out of the ring; the instant at which they were."""
        begin = time.monotonic()
        # Looked at seldom at first: who looks takes a core from the writer.
        while (free := self._inlet.free()) < self._slots:
            taken = time.monotonic() - begin
            assert taken < _ANSWER_S, "the writer does not empty its ring"
            left = taken * (self._slots - free) / max(free, 1)
            time.sleep(min(max(left / 2, _LOOK_S), _LONGEST_LOOK_S))
        return time.perf_counter()

    def load(self) -> Load:
        return load_of(self._writer.pid)

    def end(self) -> int:
        """Close the file and remove it; how many frames were in it."""
        self._inlet.end()
        deadline = time.monotonic() + _ANSWER_S
        while not (self._messages and self._messages[-1]["closed"]):
            assert time.monotonic() < deadline, "the writer does not close its file"
            time.sleep(0.01)
        self._path.unlink()
        return self._messages[-1]["frames"]

    def close(self) -> None:
        self._ring.close()
        self._writer.close(_ANSWER_S)

    def _begin(self) -> None:
        self._epoch += 1
        self._messages.clear()
        order = Reserve(
            epoch=self._epoch,
            path=self._path,
            title="bench",
            units="counts",
            compression=self._compression,
            compression_threads=self._threads,
            rules=FileRules(),
        )
        self._writer.ask({"do": "reserve", **order.model_dump(mode="json")}, _ANSWER_S)
        self._writer.ask({"do": "create", "format": format_to_json(self._form)}, _ANSWER_S)
        self._inlet.begin(self._epoch)

    def _signal(self, number: int) -> None:
        os.kill(self._writer.pid, number)


@contextmanager
def full_ring(
    path: Path, side: int, dtype: str, compression: Compression = Compression.NONE, threads: int = 1, slots: int = 64
) -> Iterator[FullRing]:
    """A writer with a ring of `slots` frames."""
    ring = FullRing(path, side, dtype, compression, threads, slots)
    try:
        yield ring
    finally:
        ring.close()
        path.unlink(missing_ok=True)
