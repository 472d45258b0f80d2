"""Frames over PVA: an NTNDArray (epics:nt/NTNDArray:1.0), or the lines of an NTScalarArray."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from p4p import Value
from p4p.client.raw import Context

from beamsession.model.detector import PvaDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.passthrough import TAKEN
from beamsession.record.sources.line_ids import LineIds
from beamsession.record.sources.pva_channel import Channel, Puts, Wake, Watch
from beamsession.record.sources.pva_frame import (
    NDARRAY,
    SCALAR_ARRAY,
    color_mode,
    frame_of_ndarray,
    frame_of_scalar_array,
)
from beamsession.record.sources.source import Count, UnusableFrameError, halt_by_pvs, pv_names, start_by_pvs

_log = logging.getLogger(__name__)
_BATCH = 8  # frames taken before commands are looked at again, more of small ones
_LARGEST_BATCH = 64
_BATCH_BYTES = 4 << 20
_SHORTEST_QUEUE = 4
_LONGEST_QUEUE = 1000
_USUAL_BYTES = 2 << 20  # of a frame, while nothing tells its size
_LEAST_WHILE_UNKNOWN = 50
_TOO_SHORT = 2  # times as many updates may wait: it is worth subscribing again
_MOST_COUNTS = 1000
_SIZE_S = 0.5
_EVERY_COUNT = "record[queueSize=1000]field(value,timeStamp)"
# Of an NTNDArray. Its NDAttributes are not among them: to unpack these takes longer than all the rest of a small frame.
_NEEDED = "field(value,codec,uncompressedSize,uniqueId,dimension,timeStamp)"
_CHEAP = "field(codec,alarm)"  # a part of the structure that hardly ever changes: keeps the channel open at no cost


def queue_length(ring_mib: int, frame_bytes: int) -> int:
    """How many updates may wait in the client library: as many MiB as in the ring; `frame_bytes` 0 is not known yet."""
    if not frame_bytes:
        return max(_LEAST_WHILE_UNKNOWN, queue_length(ring_mib, _USUAL_BYTES))
    return max(_SHORTEST_QUEUE, min(_LONGEST_QUEUE, ring_mib * (1 << 20) // frame_bytes))


class PvaSource:
    """One NTNDArray or NTScalarArray and the PVs beside it.

    A value is taken as it came, its pixels are copied once, into the ring. The frames of an NTScalarArray are numbered
    from 0 as they come in a run: of those that are lost on the way only a full queue is noticed. With an `id_pv` beside
    it they have its ids.
    """

    def __init__(self, config: PvaDetector) -> None:
        self._config = config
        context = Context("pva", nt=False, useenv=True)
        self._wake = Wake()
        self._image = Channel(context, config.name, config.pv, self._wake, _CHEAP)
        self._scalars = {
            name: Watch(
                context,
                name,
                self._wake.signal,
                _EVERY_COUNT if name == config.id_pv else "field(value,timeStamp)",
                keep=_MOST_COUNTS if name in (config.produced_pv, config.id_pv) else 0,
            )
            for name in pv_names(config)
            if name != config.pv
        }
        self._ids = None if config.id_pv is None else LineIds(config.ring_mib << 20)
        self._puts = Puts(context)
        self._frame_bytes = 0
        self._are_lines = False
        self._ndarray_of: int | None = None  # the connection that brings an NTNDArray
        self._color: str | None = None  # of frames with three dimensions, once it was asked for
        self._number = 0

    def fileno(self) -> int:
        return self._wake.fileno()

    def unconnected(self) -> tuple[str, ...]:
        self._pump()
        return tuple(watch.name for watch in (self._image, *self._scalars.values()) if not watch.connected)

    def subscribe(self, timeout: float) -> FrameFormat | None:
        deadline = time.monotonic() + timeout
        fields = self._fields()
        baseline = self._image.subscribe(timeout, self._queue_size(), self.unconnected, fields)
        if not fields:
            # Once for a connection: some servers do not name the type of a part of the structure.
            self._are_lines = baseline.getID().startswith(SCALAR_ARRAY)
            self._ndarray_of = self._image.connection if baseline.getID().startswith(NDARRAY) else None
        if self._is_queue_unfit(baseline) or self._fields() != fields:
            # Nothing is recorded yet, so nothing is lost between the two.
            self.unsubscribe()
            left = deadline - time.monotonic()
            baseline = self._image.subscribe(left, self._queue_size(), self.unconnected, self._fields())
        self._number = 0
        if self._config.produced_pv is not None:
            self._scalars[self._config.produced_pv].recall_count()
        try:
            frame = self._frame(baseline)
        except UnusableFrameError as problem:
            if self._fields():
                return None  # An old frame, perhaps; the detector may be set otherwise now.
            self.unsubscribe()
            raise RefusedError(
                f"The PV {self._config.pv} of detector {self._config.name} cannot be recorded: {problem}.",
                code="BAD_FRAME",
                value=self._config.pv,
                remedy="Name the detector's NTNDArray or NTScalarArray PV in the configuration; set a codec that the "
                "sentence names in the detector's NDPluginCodec, or none and `compression` here.",
            ) from problem
        self._color = None  # the detector may be set otherwise before the first frame
        if self._ids is not None:
            self._require_lines()
            self._pump_ids(self._ids)
            self._ids.reset(None if frame is None else frame.time_ns)
        if frame is None:
            return None
        self._frame_bytes = frame.format.nbytes
        return frame.format

    def unsubscribe(self) -> None:
        self._image.unsubscribe()

    def frames(self) -> Iterator[Frame]:
        self._wake.clear()
        self._pump()
        if self._ids is not None:
            yield from self._with_ids(self._ids)
            return
        for _ in range(self._batch()):
            value = self._image.pop()
            if value is None:
                return
            frame = self._frame(value)
            if frame is not None:
                self._frame_bytes = frame.format.nbytes
                self._number += 1
                yield frame
        self._wake.signal()

    def _with_ids(self, ids: LineIds) -> Iterator[Frame]:
        self._pump_ids(ids)
        while (value := self._image.pop()) is not None:
            frame = self._frame(value)
            if frame is not None and not ids.add_line(frame):
                _log.warning("%s: too many lines wait for their ids, one is lost", self._config.name)
        for _ in range(_BATCH):
            line = ids.next()
            if line is None:
                return
            self._frame_bytes = line.format.nbytes
            yield line
        self._wake.signal()

    def _pump_ids(self, ids: LineIds) -> None:
        assert self._config.id_pv is not None
        for count in self._scalars[self._config.id_pv].take_counts():
            ids.add_id(count)

    def _require_lines(self) -> None:
        if self._are_lines:
            return
        self.unsubscribe()
        raise RefusedError(
            f"The PV {self._config.pv} of detector {self._config.name} is no NTScalarArray: its frames have ids.",
            code="BAD_FRAME",
            value=self._config.pv,
            remedy="Leave id_pv out: it is for lines, which bring no id of their own.",
        )

    def settle(self) -> None:
        """What was posted is on its way by itself."""

    @property
    def numbered(self) -> bool:
        return not self._are_lines or self._ids is not None

    def holds_back(self) -> bool:
        return self._ids is not None and self._ids.waits

    @property
    def doubt(self) -> str:
        return "" if self._ids is None else self._ids.doubt

    @property
    def was_full(self) -> bool:
        return self._are_lines and self._image.was_full

    def dropped(self) -> int | None:
        name = self._config.dropped_pv
        return None if name is None else self._scalars[name].number()

    def produced(self) -> list[Count]:
        name = self._config.produced_pv
        return [] if name is None else self._scalars[name].take_counts()

    def exposure(self) -> float | None:
        name = self._config.exposure_pv
        return None if name is None else self._scalars[name].value()

    def disconnections(self) -> int:
        return self._image.disconnections

    def frame_bytes(self) -> int | None:
        value = self._image.get("field(uncompressedSize)", _SIZE_S)
        size = int(value["uncompressedSize"]) if value is not None and value.has("uncompressedSize") else 0
        return size or self._frame_bytes or None

    def hint(self) -> str:
        value = self._image.get("field(codec,uncompressedSize)", _SIZE_S)
        codec = value["codec.name"] if value is not None and value.has("codec.name") else ""
        if not codec or codec in TAKEN:
            return ""
        return (
            f"The frame that stands at {self._config.pv} is compressed with {codec}, which cannot be recorded; "
            f"a run fails if such frames come."
        )

    def start(self, frames: int | None) -> None:
        start_by_pvs(self._config, self._put, frames)

    def halt(self, wait_s: float = 0.0) -> None:
        halt_by_pvs(self._config, self._put, wait_s)

    def _put(self, pv: str, value: int, wait_s: float) -> None:
        self._puts.put(pv, value, wait_s)

    def _frame(self, value: Value) -> Frame | None:
        if self._are_lines:
            return frame_of_scalar_array(value, self._number)
        return frame_of_ndarray(value, self._color_of)

    def _fields(self) -> str:
        """What is subscribed: all of it as long as it is not known to be an NTNDArray."""
        return _NEEDED if self._ndarray_of == self._image.connection else ""

    def _color_of(self, value: Value) -> str:
        """The colour mode, asked for with the first frame that needs it: it stays while a run is recorded."""
        if self._color is None:
            # Some servers send all fields of the structure, empty where they were not asked for.
            whole = self._image.get("field(attribute)", _SIZE_S) if self._fields() else value
            self._color = "" if whole is None else color_mode(whole)
        return self._color

    def _batch(self) -> int:
        if not self._frame_bytes:
            return _BATCH
        return max(_BATCH, min(_LARGEST_BATCH, _BATCH_BYTES // self._frame_bytes))

    def _is_queue_unfit(self, baseline: Value) -> bool:
        """Whether a run whose frames are like the one that stands needs a queue of quite another length."""
        present = self._queue_size()
        try:
            frame = self._frame(baseline)
        except UnusableFrameError:
            return False  # told by `subscribe`
        if frame is None:
            return False
        self._frame_bytes = frame.format.nbytes
        fit = self._queue_size()
        return max(fit, present) >= _TOO_SHORT * min(fit, present)

    def _queue_size(self) -> int:
        return queue_length(self._config.ring_mib, self._frame_bytes)

    def _pump(self) -> None:
        for watch in (self._image, *self._scalars.values()):
            watch.pump()
