"""Drives a simulated detector as a client does, over either protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_ANSWER = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Made:
    """What a detector says of its acquisition."""

    frames: int
    """Made, lost ones included."""
    dropped: int
    last_id: int


class DetectorTimeoutError(TimeoutError):
    """A detector did not do in time what it was told; says what."""


@dataclass(frozen=True, slots=True)
class DetectorClient:
    """A detector by its prefix; ``put`` and ``get`` take a full PV name and speak the protocol."""

    prefix: str
    put: Callable[[str, float], None]
    get: Callable[[str], float]

    def resize(self, width: int, height: int) -> None:
        """Set the size of the frames; the detector must not be acquiring."""
        for name, value in (("SizeX", width), ("SizeY", height)):
            self.put(self.prefix + name, value)
            self._wait(name, lambda reading, wanted=value: reading == wanted, _ANSWER)

    def start(self, frames: int, period: float = 0.01, drop_every: int = 0) -> None:
        """Begin to make frames; 0 frames = until :meth:`stop`, a period of 0 s = as fast as it can."""
        settings = {"NumImages": frames, "AcquirePeriod": period, "DropEvery": drop_every, "Acquire": 1}
        for name, value in settings.items():
            self.put(self.prefix + name, value)

    def stop(self) -> None:
        """End the acquisition, if there is one, and wait for its end."""
        self.put(self.prefix + "Acquire", 0)
        self.wait()

    def wait(self, timeout: float = 60.0) -> Made:
        """Wait for the end of the acquisition; DetectorTimeoutError if it does not come."""
        for name in ("Acquire", "Acquire_RBV"):
            self._wait(name, lambda reading: reading == 0, timeout)
        return self.made()

    def made(self) -> Made:
        """The counters now."""
        names = ("ArrayCounter_RBV", "DroppedArrays_RBV", "UniqueId_RBV")
        return Made(*(int(self.get(self.prefix + name)) for name in names))

    def _wait(self, name: str, reached: Callable[[float], bool], timeout: float) -> None:
        until = time.monotonic() + timeout
        while not reached(reading := self.get(self.prefix + name)):
            if time.monotonic() > until:
                raise DetectorTimeoutError(f"{self.prefix}{name} is still {reading} after {timeout} s")
            time.sleep(0.02)


def over_ca(prefix: str) -> DetectorClient:
    """A client of ``CAM1:`` and its like, through pyepics."""
    import epics  # here, for it reads the environment when imported

    def put(name: str, value: float) -> None:
        if epics.caput(name, value, wait=True, timeout=_ANSWER) != 1:
            raise DetectorTimeoutError(f"{name} did not take {value} within {_ANSWER} s")

    def get(name: str) -> float:
        # What a monitor brought last may be older than an answer that came since.
        value = epics.caget(name, timeout=_ANSWER, use_monitor=False)
        if value is None:
            raise DetectorTimeoutError(f"{name} did not answer within {_ANSWER} s")
        return float(value)

    return DetectorClient(prefix, put, get)


def over_pva(prefix: str) -> DetectorClient:
    """A client of ``PVA1:`` and its like, through p4p."""
    from p4p.client.thread import Context

    context = Context("pva")

    def put(name: str, value: float) -> None:
        context.put(name, value, timeout=_ANSWER)

    def get(name: str) -> float:
        return float(cast(float, context.get(name, timeout=_ANSWER)))

    return DetectorClient(prefix, put, get)
