"""A motor that takes its time: the movement behind the records of ``db/motor.db``."""

from __future__ import annotations

import asyncio
import math

from softioc import device

from beamsim.record import IntegerRecord, RealRecord

_STEP = 0.02  # seconds from readback to readback


class Motor:
    """Moves at its velocity and posts its readback 50 times a second; made before the IOC is initialised.

    A put during a move takes effect when that move has ended; STOP ends it at once, and the setpoint then
    becomes the position reached.
    """

    def __init__(self, name: str, velocity: float) -> None:
        self.position = 0.0
        self._velocity = velocity
        self._stopped = asyncio.Event()
        self._readback = RealRecord(f"{name}:RBV")
        self._done = IntegerRecord(f"{name}:DMOV")
        self._setpoint = device.ao(name, initial_value=0.0, on_update=self._move, always_update=True, blocking=True)
        device.ao(f"{name}:VELO", initial_value=velocity, on_update=self._set_velocity)
        self._stop = device.bo(f"{name}:STOP", initial_value=0, on_update=self._set_stop, always_update=True)

    async def _move(self, target: float) -> None:
        self._stopped.clear()
        self._done.post(0)
        await self._approach(target)
        self._readback.post(self.position)
        if self.position != target:
            self._setpoint.set(self.position, process=False)
        self._done.post(1)

    async def _approach(self, target: float) -> None:
        """Travel until the target or a stop; the clock, not the number of steps, decides how far."""
        clock = asyncio.get_running_loop().time
        before = clock()
        while self.position != target and not self._stopped.is_set():
            await asyncio.sleep(_STEP)
            now = clock()
            distance, reach = target - self.position, self._velocity * (now - before)
            before = now
            if abs(distance) <= reach:
                self.position = target
            else:
                self.position += math.copysign(reach, distance)
                self._readback.post(self.position)

    def _set_velocity(self, value: float) -> None:
        self._velocity = value

    def _set_stop(self, value: int) -> None:
        if value:
            self._stopped.set()
            self._stop.set(0)
