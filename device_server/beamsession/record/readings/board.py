"""The latest value of each watched PV, and during a run every value that came, in the order in which they came."""

from __future__ import annotations

import math
import struct
import threading
import time

import numpy as np
from numpy.typing import NDArray

from beamsession.record.readings.reading import Severity

ROW = np.dtype([("pv_index", "u4"), ("time", "i8"), ("value", "f8"), ("severity", "i1")])
"""One line of the table: `time` in ns since the epoch, as the PV stamped it."""
Rows = np.ndarray
"""An array of `ROW`."""

# The same in memory. A struct is packed in a fifth of the time that an element of an array takes to be set.
_PACKED = struct.Struct("=Iqdb")
_SIZE = _PACKED.size


class Board:
    """Written by the threads of the EPICS libraries, read by the one that fills the table.

    At most `most_rows` values wait to be taken, in memory that is set aside at once (21 bytes each, touched only when
    used); values beyond them are counted as lost.
    """

    def __init__(self, size: int, most_rows: int) -> None:
        self._lock = threading.Lock()
        self._connected = bytearray(size)
        self._seen = bytearray(size)
        self._latest = bytearray(size * _SIZE)
        # Two halves: one is being filled while the other, taken before, may still be written to the disk.
        self._capacity = max(most_rows // 2, 1) * _SIZE
        self._filling = bytearray(self._capacity)
        self._taken = bytearray(self._capacity)
        self._end = 0
        self._recording = False
        self._lost = np.zeros(size, np.int64)
        self._late: dict[int, tuple[int, float, int]] = {}

    def post(self, index: int, moment: int, value: float, severity: int) -> None:
        """A new value of PV `index`; one whose source gave no time stamp (0) gets that of its arrival."""
        with self._lock:
            self._connected[index] = 1
            self._keep(index, moment or time.time_ns(), value, severity)

    def lose(self, index: int) -> None:
        """PV `index` disconnected: from now on its value is not known."""
        with self._lock:
            if self._connected[index]:
                self._connected[index] = 0
                self._keep(index, time.time_ns(), math.nan, Severity.INVALID)

    def missing(self) -> list[int]:
        """Those that have no value at this moment."""
        return np.flatnonzero(np.frombuffer(self._connected, np.uint8) == 0).tolist()

    def begin(self) -> Rows:
        """Keep every value from now on; the latest of each PV, which is the beginning of the table."""
        with self._lock:
            self._end, self._recording = 0, True
            self._lost[:] = 0
            known = np.frombuffer(self._seen, np.uint8) > 0
            return np.frombuffer(self._latest, ROW)[known]

    def take(self) -> Rows:
        """The values since the last call; they stay valid until the next one."""
        with self._lock:
            count, self._end = self._end // _SIZE, 0
            self._filling, self._taken = self._taken, self._filling
            late, self._late = self._late, {}
        rows = np.frombuffer(self._taken, ROW, count)
        self._note(rows, late)
        return rows

    def end(self) -> None:
        """From now on only the latest is kept; what was not taken is dropped."""
        with self._lock:
            self._note(np.frombuffer(self._filling, ROW, self._end // _SIZE), self._late)
            self._end, self._recording, self._late = 0, False, {}

    def lost(self) -> NDArray[np.int64]:
        """How many values of each PV found no room since `begin`."""
        with self._lock:
            return self._lost.copy()

    def _keep(self, index: int, moment: int, value: float, severity: int) -> None:
        if not self._recording:
            self._seen[index] = 1
            _PACKED.pack_into(self._latest, index * _SIZE, index, moment, value, severity)
        elif self._end < self._capacity:
            _PACKED.pack_into(self._filling, self._end, index, moment, value, severity)
            self._end += _SIZE
        else:
            self._lost[index] += 1
            self._late[index] = (moment, value, severity)

    def _note(self, rows: Rows, late: dict[int, tuple[int, float, int]]) -> None:
        """Let the rows be the latest of their PVs, then what came too late to be one: cheaper than as each comes."""
        np.frombuffer(self._latest, ROW)[rows["pv_index"]] = rows
        np.frombuffer(self._seen, np.uint8)[rows["pv_index"]] = 1
        for index, (moment, value, severity) in late.items():
            self._seen[index] = 1
            _PACKED.pack_into(self._latest, index * _SIZE, index, moment, value, severity)
