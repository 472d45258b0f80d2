"""The ids of an NTScalarArray's lines, from a counter PV beside it: the structure has none of its own."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

import numpy as np

from beamsession.record.frame import Frame
from beamsession.record.sources.own_pixels import Image
from beamsession.record.sources.pairing import Pairing
from beamsession.record.sources.source import Count

_WITHOUT_LIMIT = 1 << 62


class LineIds:
    """Lines and counts in, lines with their ids out, paired by time stamp. At most `limit` bytes of lines wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pairing = Pairing(_WITHOUT_LIMIT, with_ids=True, pixels_may_be_later=False)
        self._lines: deque[Frame] = deque()
        self._waiting = 0
        self._taken = 0

    def reset(self, shown_ns: int | None) -> None:
        """Begin a run. The line that stands, of time stamp `shown_ns`, is none of it, nor is its id."""
        self._lines.clear()
        self._waiting = 0
        self._pairing.reset(shown_ns)

    def add_line(self, line: Frame) -> bool:
        """Take a line; False if too much waits already: its id will be missing."""
        if self._waiting + line.nbytes > self._limit:
            return False
        self._waiting += line.nbytes
        self._lines.append(line)
        self._taken += 1
        self._pairing.add_image(Image(np.array([self._taken]), line.time_ns, line.receive_ns, time.monotonic()))
        return True

    def add_id(self, count: Count) -> None:
        """Take what the counter told."""
        self._pairing.add_id(count.value, count.time_ns)

    def next(self) -> Frame | None:
        """The oldest line with its id; None while there is none, or while its id may still come."""
        pair = self._pairing.next()
        if pair is None:
            return None
        line = self._lines.popleft()
        self._waiting -= line.nbytes
        return replace(line, unique_id=pair[1])

    @property
    def waits(self) -> bool:
        """Whether a line is held back."""
        return self._pairing.waits

    @property
    def doubt(self) -> str:
        """Why ids may be those of other lines; empty where that is not so."""
        return self._pairing.doubt
