"""The latest value of each watched PV, and during a run every value that came, in the order in which they came."""

from __future__ import annotations

import math
import threading
import time
from typing import NamedTuple

from beamsession.record.readings.reading import Severity


class Row(NamedTuple):
    """One line of the table: `time` in ns since the epoch, as the PV stamped it."""

    index: int
    time: int
    value: float
    severity: int


class Board:
    """Written by the threads of the EPICS libraries, read by the one that fills the table."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._latest: list[Row | None] = [None] * size
        self._connected = [False] * size
        self._rows: list[Row] | None = None

    def post(self, index: int, moment: int, value: float, severity: int) -> None:
        """A new value of PV `index`; one whose source gave no time stamp (0) gets that of its arrival."""
        row = Row(index, moment or time.time_ns(), value, severity)
        with self._lock:
            self._connected[index] = True
            self._keep(row)

    def lose(self, index: int) -> None:
        """PV `index` disconnected: from now on its value is not known."""
        with self._lock:
            if self._connected[index]:
                self._connected[index] = False
                self._keep(Row(index, time.time_ns(), math.nan, Severity.INVALID))

    def missing(self) -> list[int]:
        """Those that have no value at this moment."""
        with self._lock:
            return [index for index, connected in enumerate(self._connected) if not connected]

    def begin(self) -> None:
        """Keep every value from now on; the latest of each PV comes first."""
        with self._lock:
            self._rows = [row for row in self._latest if row is not None]

    def take(self) -> list[Row]:
        """The values since the last call."""
        with self._lock:
            if not self._rows:
                return []
            rows, self._rows = self._rows, []
            return rows

    def end(self) -> list[Row]:
        """The values since the last call; from now on only the latest is kept."""
        with self._lock:
            rows, self._rows = self._rows or [], None
            return rows

    def _keep(self, row: Row) -> None:
        self._latest[row.index] = row
        if self._rows is not None:
            self._rows.append(row)
