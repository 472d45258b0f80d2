"""NDPluginStdArrays: each frame as a waveform, then its unique id, with the time stamps of areaDetector's templates.

With TSE 0 these are the times at which the records were processed: an id is always later than its waveform, and earlier
than the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from beamsim.areadetector.camera import Camera, NDArray16

_QUEUE = 20


_record: Any = pvproperty  # its types leave out what a group of records is made of


def _field(name: str, value: str) -> Any:
    return _record(value=value, dtype=ChannelType.STRING, name=name)


async def _put_enable(group: Any, _instance: Any, value: Any) -> None:
    group.enabled = value == "Enable"


async def _put_delay(group: Any, _instance: Any, value: Any) -> None:
    group.id_delay = float(value)


class StdArraysRecords(PVGroup):
    """Records below for example ``SIM1:image1:``; IdDelay, s, is the simulation's own."""

    enable = _record(
        value="Disable",
        dtype=ChannelType.ENUM,
        enum_strings=["Disable", "Enable"],
        name="EnableCallbacks",
        put=_put_enable,
    )
    array_data = _record(value=[0], dtype=int, max_length=1 << 20, name="ArrayData")
    array_type = _field("ArrayData.DTYP", "asynInt16ArrayIn")
    array_stamp = _field("ArrayData.TSE", "0")
    unique_id = _record(value=0, name="UniqueId_RBV")
    id_type = _field("UniqueId_RBV.DTYP", "asynInt32")
    id_stamp = _field("UniqueId_RBV.TSE", "0")
    size_0 = _record(value=0, name="ArraySize0_RBV")
    size_1 = _record(value=0, name="ArraySize1_RBV")
    dropped = _record(value=0, name="DroppedArrays_RBV")
    delay = _record(value=0.0, name="IdDelay", put=_put_delay)

    def __init__(self, camera: Camera, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.enabled = False
        self.id_delay = 0.0
        self._lost = 0
        self._queue: deque[NDArray16] = deque()
        self._wake = asyncio.Event()
        camera.listeners.append(self._receive)

    def readings(self) -> dict[Any, Any]:
        """What its other records show now."""
        return {self.dropped: self._lost}

    async def run(self) -> None:
        """Post what is in the queue, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._post(self._queue.popleft())

    def _receive(self, frame: NDArray16) -> None:
        if not self.enabled:
            return
        if len(self._queue) == _QUEUE:
            self._lost += 1
            return
        self._queue.append(frame)
        self._wake.set()

    async def _post(self, frame: NDArray16) -> None:
        records: Any = self
        rows, columns = frame.pixels.shape
        await records.size_0.write(columns)
        await records.size_1.write(rows)
        await records.array_data.write(frame.pixels.ravel(), timestamp=time.time())
        await asyncio.sleep(self.id_delay)
        await records.unique_id.write(frame.unique_id, timestamp=time.time())
