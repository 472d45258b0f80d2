"""The writer process of one detector: takes frames out of the ring and writes them to the run's data file.

Started as `python -m beamsession.record.writer <name> <ring>`; see `beamsession.record.orders` for what it is told and
what it tells. One thread does it all but compress: a second one busy in Python would cost it most of its speed at the
interpreter's lock.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from pathlib import Path

from beamsession.record.compression import Chunk, encoder
from beamsession.record.datafile import DataFile, claim
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.lane import lane_for
from beamsession.record.link import Link, Message
from beamsession.record.orders import Reserve, Written, format_from_json
from beamsession.record.refusal import DISK_FULL, disk_words
from beamsession.record.ring import Outlet, Ring

_log = logging.getLogger(__name__)
_FLUSH_S = 0.2
_GIVEN_UP = 3
# Frames can wait for the writer, in the ring; for the receiver many servers let none wait.
NICE = 5
"""What its priority is lowered by."""
_DRAINING_S = 0.05


class Writer:
    """One run at a time: a file is reserved, created, filled until the ring says that the run has ended, closed."""

    def __init__(self, name: str, ring: Ring) -> None:
        self._name = name
        self._outlet = Outlet(ring)
        self._link = Link(self._command)
        self._filling: Filling | None = None

    def run(self) -> None:
        """Serve until the parent is gone; a run in progress is written out first."""
        while self._link.open or self._filling is not None:
            self._step()

    def _step(self) -> None:
        filling = self._filling
        if filling is None:
            self._idle()
            return
        ready = self._link.poll(filling.until_flush(), filling.lane.wake())
        # The command may have ended this run or begun another.
        if filling is not self._filling:
            return
        try:
            self._fill(filling, ready=bool(ready))
        except (OSError, MemoryError) as problem:
            self._give_up(filling, problem)

    def _idle(self) -> None:
        """Between runs: throw away what is still in the ring."""
        if self._link.poll(None, (self._outlet.fileno(),)) and self._filling is None:
            self._outlet.release(*self._outlet.take())

    def _fill(self, filling: Filling, *, ready: bool) -> None:
        for slot, chunk in filling.lane.ready() if ready else ():
            filling.write(slot.frame, chunk)
            self._flush_if_due(filling)
        if filling.lane.ended:
            self._finish(filling)
        else:
            self._flush_if_due(filling)

    def _flush_if_due(self, filling: Filling) -> None:
        if filling.flush_if_due():
            self._link.send(filling.report(closed=False))

    def _command(self, message: Message) -> Message | None:
        filling = self._filling
        match message.pop("do"):
            case "reserve":
                if filling is not None:
                    self._drain(filling)
                order = Reserve.model_validate(message)
                self._filling = Filling(order, self._outlet)
            case "create" if filling is not None:
                filling.create(format_from_json(message["format"]))
            case "finish" if filling is not None:
                self._drain(filling)
            case "drop" if filling is not None:
                filling.drop()
            case "discard" if filling is not None:
                filling.discard()
                self._filling = None
        return None

    def _drain(self, filling: Filling) -> None:
        """The receiver is dead: write what it left in the ring, close."""
        self._outlet.expect_no_more()
        while self._filling is filling:
            select.select(filling.lane.wake(), (), (), _DRAINING_S)
            try:
                self._fill(filling, ready=True)
            except (OSError, MemoryError) as problem:
                self._give_up(filling, problem)

    def _finish(self, filling: Filling) -> None:
        filling.close()
        self._filling = None
        self._link.send(filling.report(closed=True))

    def _give_up(self, filling: Filling, problem: OSError | MemoryError) -> None:
        """The disk refused: what is flushed is safe as long as the HDF5 library touches the file no more."""
        _log.error("%s: %r", filling.path, problem)
        filling.fail(_reason(problem, filling.path))
        self._link.send(filling.report(closed=True))
        sys.stderr.flush()
        os._exit(_GIVEN_UP)


class Filling:
    """The data file of one run while it is filled; the lock beside it is held from the beginning."""

    def __init__(self, order: Reserve, outlet: Outlet) -> None:
        self.path = order.path
        self._dropping = False
        self._order = order
        self._failure = ""
        self._file: DataFile | None = None
        self._frame_bytes = 0
        self._next_flush: float | None = None
        self._lock = claim(order.path, order.rules)
        outlet.begin(order.epoch)
        encode = encoder(order.compression, order.compression_level)
        self.lane = lane_for(outlet, encode, order.compression_threads)

    def create(self, form: FrameFormat | None) -> None:
        """Create what is in the file, or create it anew where no frame of the first format came."""
        if self._file is not None:
            self._file.close()
        order = self._order
        self._file = DataFile(
            order.path,
            form,
            title=order.title,
            units=order.units,
            compression=order.compression,
            level=order.compression_level,
        )
        self._frame_bytes = 0 if form is None else form.nbytes

    def drop(self) -> None:
        """Write no more frames: the run is aborted."""
        self._dropping = True
        self.lane.drop()

    def write(self, frame: Frame, chunk: Chunk | None) -> None:
        """Append a frame, or the chunk it was compressed to, unless the run is aborted or has failed."""
        if self._dropping or self._failure:
            return
        if self._file is None or (self._file.format is not frame.format and self._file.format != frame.format):
            if self._file is not None and self._file.format is not None and self._next_flush is not None:
                self.fail(self._file.format.changed_to(frame.format))
                return
            self.create(frame.format)
        assert self._file is not None
        self._file.append(frame, chunk)
        if self._next_flush is None:
            self._next_flush = time.monotonic() + _FLUSH_S

    def until_flush(self) -> float | None:
        """Seconds until frames have to be flushed, None while there are none."""
        return None if self._next_flush is None else max(self._next_flush - time.monotonic(), 0.0)

    def flush_if_due(self) -> bool:
        """Flush if it is time to; whether it was."""
        if self._file is None or self.until_flush() != 0.0:
            return False
        self._file.flush()
        self._next_flush = time.monotonic() + _FLUSH_S
        return True

    def close(self) -> None:
        """Close the file in order."""
        self.lane.close()
        if self._file is None:
            self.create(None)
        assert self._file is not None
        self._file.close()
        self._lock.release()

    def discard(self) -> None:
        """The run will not be: remove the file, which holds no frame."""
        self.lane.close()
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)
        self._lock.release()

    def fail(self, sentence: str) -> None:
        """The run cannot go on; the first reason stands."""
        self._failure = self._failure or sentence

    def report(self, *, closed: bool) -> Message:
        """What is safe in the file."""
        frames = 0 if self._file is None else self._file.flushed
        written = Written(frames=frames, nbytes=frames * self._frame_bytes, closed=closed, failure=self._failure)
        return written.model_dump(mode="json")


def _reason(problem: OSError | MemoryError, path: Path) -> str:
    if isinstance(problem, MemoryError):
        return "the writer found no more memory: lower ring_mib or compression_threads of the detector"
    if problem.errno in DISK_FULL:
        return f"disk full ({path.parent})"
    return f"the disk refused to write: {disk_words(problem)} ({path.parent})"


def main(arguments: list[str]) -> None:
    """Serve one detector until the parent process is gone."""
    name, ring = arguments
    os.nice(NICE)
    Writer(name, Ring.inherited(ring)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
