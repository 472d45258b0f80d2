"""Frames over PVA: an NTNDArray (epics:nt/NTNDArray:1.0), or the lines of an NTScalarArray."""

from __future__ import annotations

from collections.abc import Iterator

from p4p import Value
from p4p.client.raw import Context

from beamsession.model.detector import PvaDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.sources.pva_channel import Channel, Puts, Wake, Watch
from beamsession.record.sources.pva_frame import SCALAR_ARRAY, frame_of_ndarray, frame_of_scalar_array
from beamsession.record.sources.source import Count, UnusableFrameError, halt_by_pvs, pv_names, start_by_pvs

_BATCH = 8  # frames taken before commands are looked at again
_LONGEST_QUEUE = 200
_QUEUE_WHILE_UNKNOWN = 50  # updates; before the size of a frame is known
_MOST_COUNTS = 1000
_SIZE_S = 0.5
_CHEAP = "field(codec,alarm)"  # a part of the structure that hardly ever changes: keeps the channel open at no cost


class PvaSource:
    """One NTNDArray or NTScalarArray and the PVs beside it.

    A value is taken as it came, its pixels are copied once, into the ring. The frames of an NTScalarArray are numbered
    from 0 as they come in a run: one that is lost on the way is not noticed.
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
                "field(value,timeStamp)",
                keep=_MOST_COUNTS if name == config.produced_pv else 0,
            )
            for name in pv_names(config)
            if name != config.pv
        }
        self._puts = Puts(context)
        self._frame_bytes = 0
        self._are_lines = False
        self._number = 0

    def fileno(self) -> int:
        return self._wake.fileno()

    def unconnected(self) -> tuple[str, ...]:
        self._pump()
        return tuple(watch.name for watch in (self._image, *self._scalars.values()) if not watch.connected)

    def subscribe(self, timeout: float) -> FrameFormat | None:
        baseline = self._image.subscribe(timeout, self._queue_size(), self.unconnected)
        self._are_lines = baseline.getID().startswith(SCALAR_ARRAY)
        self._number = 0
        if self._config.produced_pv is not None:
            self._scalars[self._config.produced_pv].recall_count()
        try:
            frame = self._frame(baseline)
        except UnusableFrameError as problem:
            self.unsubscribe()
            raise RefusedError(
                f"The PV {self._config.pv} of detector {self._config.name} cannot be recorded: {problem}.",
                code="BAD_FRAME",
                value=self._config.pv,
                remedy="Name the detector's NTNDArray or NTScalarArray PV in the configuration; set a codec that the "
                "sentence names in the detector's NDPluginCodec, or none and `compression` here.",
            ) from problem
        if frame is None:
            return None
        self._frame_bytes = frame.format.nbytes
        return frame.format

    def unsubscribe(self) -> None:
        self._image.unsubscribe()

    def frames(self) -> Iterator[Frame]:
        self._wake.clear()
        self._pump()
        for _ in range(_BATCH):
            value = self._image.pop()
            if value is None:
                return
            frame = self._frame(value)
            if frame is not None:
                self._frame_bytes = frame.format.nbytes
                self._number += 1
                yield frame
        self._wake.signal()

    def settle(self) -> None:
        """What was posted is on its way by itself."""

    @property
    def numbered(self) -> bool:
        return not self._are_lines

    def holds_back(self) -> bool:
        return False

    @property
    def doubt(self) -> str:
        return ""

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

    def start(self, frames: int | None) -> None:
        start_by_pvs(self._config, self._put, frames)

    def halt(self, wait_s: float = 0.0) -> None:
        halt_by_pvs(self._config, self._put, wait_s)

    def _put(self, pv: str, value: int, wait_s: float) -> None:
        self._puts.put(pv, value, wait_s)

    def _frame(self, value: Value) -> Frame | None:
        return frame_of_scalar_array(value, self._number) if self._are_lines else frame_of_ndarray(value)

    def _queue_size(self) -> int:
        if not self._frame_bytes:
            return _QUEUE_WHILE_UNKNOWN
        return max(4, min(_LONGEST_QUEUE, self._config.ring_mib * (1 << 20) // self._frame_bytes))

    def _pump(self) -> None:
        for watch in (self._image, *self._scalars.values()):
            watch.pump()
