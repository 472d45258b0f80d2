"""The camera: makes frames at a set period and hands each to who listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SINGLE, MULTIPLE, CONTINUOUS = range(3)


@dataclass(frozen=True, slots=True)
class NDArray16:
    """One frame: unique id, time (seconds since 1970, UTC), pixels."""

    unique_id: int
    time: float
    pixels: NDArray[np.uint16]


@dataclass
class Camera:
    """All settings may be changed at any time; each frame shows its own unique id in every pixel."""

    width: int = 64
    height: int = 48
    period: float = 0.01
    images: int = 1
    mode: int = CONTINUOUS
    callbacks: bool = False
    counter: int = 0
    acquiring: bool = False
    listeners: list[Callable[[NDArray16], None]] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    @property
    def frame_bytes(self) -> int:
        """Size of a frame."""
        return self.width * self.height * 2

    def start(self) -> None:
        """Acquire as the image mode says; nothing happens while it does already."""
        if not self.acquiring:
            self.acquiring = True
            self._task = asyncio.get_running_loop().create_task(self._acquire())
            self._task.add_done_callback(self._rest)  # also where it is stopped before it has begun

    def stop(self) -> None:
        """End it at once."""
        if self._task is not None:
            self._task.cancel()

    async def done(self) -> None:
        """Wait until it does not acquire."""
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._task)

    async def _acquire(self) -> None:
        made, due = 0, time.monotonic()
        while self.mode == CONTINUOUS or made < (1 if self.mode == SINGLE else self.images):
            due = max(due + self.period, time.monotonic() - 0.5)
            await asyncio.sleep(max(due - time.monotonic(), 0.0))
            made += 1
            self._make()

    def _rest(self, _task: asyncio.Task[None]) -> None:
        self.acquiring = False

    def _make(self) -> None:
        self.counter += 1
        if not self.callbacks:
            return
        pixels = np.full((self.height, self.width), self.counter & 0xFFFF, np.uint16)
        for listener in self.listeners:
            listener(NDArray16(self.counter, time.time(), pixels))
