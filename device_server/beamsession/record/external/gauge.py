"""Reads the counters of the camera and its file plugin while a run lasts, and what the plugin has made safe."""

from __future__ import annotations

import time

from beamsession.record.external.counters import Counters
from beamsession.record.external.pvs import Pvs
from beamsession.record.external.records import Records

_SHORTEST_S = 0.2
_KEPT = 6  # looks, over which the rate is taken


class Gauge:
    """The counters of one run as they are read; all raise SilentError where the IOC does not answer."""

    def __init__(self, pvs: Pvs, records: Records) -> None:
        self.counters = Counters()
        self._pvs = pvs
        self._records = records
        self._frame_bytes = 0.0
        self._volumes: tuple[tuple[float, int], ...] = ()

    def look(self, *, skip: bool, live: bool) -> None:
        """Read all; the camera's last: what it made after the others were read is on its way.

        `skip`: what the camera has made since the last look does not belong to the run. `live`: the plugin's number
        is that of this run.
        """
        pvs, records, counters = self._pvs, self._records, self.counters
        for growth, name in (
            (counters.dropped, records.plugin("DroppedArrays_RBV")),
            (counters.dropped_output, records.plugin("DroppedOutputArrays_RBV")),
        ):
            if pvs.has(name):
                growth.see(int(pvs.number(name)))
        counters.captured = int(pvs.number(records.plugin("NumCaptured_RBV"))) if live else 0
        counters.flushed = max(counters.flushed, self._flushed())
        size, free = (int(pvs.number(records.plugin(record))) for record in ("QueueSize", "QueueFree"))
        counters.queued = size - free
        produced = int(pvs.number(records.camera("ArrayCounter_RBV")))
        counters.produced.skip(produced) if skip else counters.produced.see(produced)
        size_name = records.camera("ArraySize_RBV")
        self._frame_bytes = pvs.number(size_name) if pvs.has(size_name) else 0.0
        self._volumes = (*self._volumes[1 - _KEPT :], (time.monotonic(), counters.captured))

    def rate(self) -> float:
        """Bytes per second that the plugin takes now."""
        if len(self._volumes) < 2:
            return 0.0
        (begin, before), (end, now) = self._volumes[0], self._volumes[-1]
        return (now - before) * self._frame_bytes / max(end - begin, _SHORTEST_S)

    def _flushed(self) -> int:
        """How many frames it has made safe: in SWMR mode it flushes by itself, every so many.

        FlushNow is never used: while the plugin closes its file, by itself after the last declared frame, it takes the
        IOC down (seen with ADCore 3.14; its flush task is not held off while NDFileHDF5::closeFile runs).
        """
        active, every = (self._records.plugin(record) for record in ("SWMRActive_RBV", "NumFramesFlush_RBV"))
        if not self._pvs.has(active) or not self._pvs.has(every) or not self._pvs.number(active):
            return 0
        captured = self.counters.captured
        return captured - captured % max(int(self._pvs.number(every)), 1)
