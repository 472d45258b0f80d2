"""What a receiver needs from a protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from beamsession.model.detector import CaDetector, PvaDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import Frame, FrameFormat


@dataclass(frozen=True, slots=True)
class Count:
    """A value of a detector's counter and when it was posted, ns since 1970; its arrival where that is not told."""

    value: int
    time_ns: int


class UnusableFrameError(ValueError):
    """A frame that cannot be recorded; the text says why, for a person."""


class Source(Protocol):
    """The PVs of one detector: connected for life, subscribed during a run. Everything happens in one thread."""

    def fileno(self) -> int:
        """Readable when `frames` may have something."""
        ...

    def unconnected(self) -> tuple[str, ...]:
        """The PVs that do not answer now."""
        ...

    def subscribe(self, timeout: float) -> FrameFormat | None:
        """Have every new frame sent; the format of the one that is there already, None if it has no pixels.

        That one is never among `frames`. Raises RefusedError (PV_TIMEOUT) if a PV has not answered after `timeout`
        seconds, BAD_FRAME if the PV holds something else than frames.
        """
        ...

    def unsubscribe(self) -> None:
        """Have no more frames sent, stay connected."""
        ...

    def frames(self) -> Iterator[Frame]:
        """The frames that have come, a few at most. Raises UnusableFrameError."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether the frames' unique ids are the detector's own; known from `subscribe` on."""
        ...

    def holds_back(self) -> bool:
        """Whether frames have come that wait for their ids."""
        ...

    def dropped(self) -> int | None:
        """The detector's own counter of dropped frames, None where none is configured or known."""
        ...

    def produced(self) -> list[Count]:
        """What the detector's own counter of frames told since this was asked last; empty where none is configured."""
        ...

    def exposure(self) -> float | None:
        """The exposure time the detector tells, s; None where none is configured or known."""
        ...

    def disconnections(self) -> int:
        """How often the frames' PV went away since `subscribe`; told before the frames that came after."""
        ...

    def frame_bytes(self) -> int | None:
        """Bytes of a frame as the detector is set now; None where nothing tells before the first frame."""
        ...

    def put(self, pv: str, value: int, wait_s: float = 0.0) -> None:
        """Write to a PV; wait at most `wait_s` seconds until it has the value. Failures are logged."""
        ...


def pv_names(config: PvaDetector | CaDetector) -> tuple[str, ...]:
    """All PVs a detector is configured with, the frames' first."""
    names = [config.pv, config.dropped_pv, config.produced_pv, config.exposure_pv, config.acquire_pv, config.frames_pv]
    if isinstance(config, CaDetector):
        names += [config.width_pv, config.height_pv, config.id_pv]
    return tuple(name for name in names if name is not None)


def pv_timeout(detector: str, names: tuple[str, ...], timeout: float | None) -> RefusedError:
    """The error for PVs that do not answer, or did not within `timeout` seconds."""
    waited = "" if timeout is None else f" (waited {timeout:g} s)"
    subject = f"The PV {names[0]}" if len(names) == 1 else f"The PVs {', '.join(names)}"
    verb = "does" if len(names) == 1 else "do"
    return RefusedError(
        f"{subject} of detector {detector} {verb} not answer{waited}.",
        code="PV_TIMEOUT",
        value=names[0],
        remedy="Check that the detector's IOC runs and that the PV's name is right, then start the run again.",
    )
