"""What a receiver needs from a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from beamsession.model.detector import CaDetector, PvaDetector, StreamedDetector, TangoDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import Frame, FrameFormat

_PUT_S = 1.0
_QSRV = (
    " The frames' PV answers: records are served over PV Access only by an IOC with QSRV; load it there, or leave the "
    "keys with these PVs out."
)


@dataclass(frozen=True, slots=True)
class Count:
    """A value of a detector's counter and when it was posted, ns since 1970; its arrival where that is not told."""

    value: int
    time_ns: int


class UnusableFrameError(ValueError):
    """A frame that cannot be recorded; the text says why, for a person."""


class SourceFailedError(RuntimeError):
    """The run cannot go on; the text says why, for a person."""


class Source(Protocol):
    """The PVs or attributes of one detector: connected for life, subscribed during a run; called from one thread."""

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
        """The frames that have come, a few at most. Raises UnusableFrameError, SourceFailedError."""
        ...

    def settle(self) -> None:
        """Have a source that is polled read once more; `holds_back` until that is done."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether the frames' unique ids are the detector's own; known from `subscribe` on."""
        ...

    def holds_back(self) -> bool:
        """Whether frames have come, or may have, that are not yet among `frames`."""
        ...

    @property
    def doubt(self) -> str:
        """Why the unique ids may not be those of this run's frames; empty where they are."""
        ...

    @property
    def was_full(self) -> bool:
        """Whether frames without ids may have been lost on the way just now: so many waited as can; during `frames`."""
        ...

    def dropped(self) -> int | None:
        """The detector's own counter of dropped frames, None where none is configured or known."""
        ...

    def produced(self) -> list[Count]:
        """What the detector's own counter of frames told since this was asked last; empty where none is configured.

        Asked for the first time after `subscribe`, it tells at least the value that stands.
        """
        ...

    def exposure(self) -> float | None:
        """The exposure time the detector tells, s; None where none is configured or known."""
        ...

    def disconnections(self) -> int:
        """How often the frames' source went away since `subscribe`; told before the frames that came after."""
        ...

    def frame_bytes(self) -> int | None:
        """Bytes of a frame as the detector is set now; None where nothing tells before the first frame."""
        ...

    def hint(self) -> str:
        """What stands in the way of a run if nothing changes before it, in a sentence; empty where nothing is known."""
        ...

    def start(self, frames: int | None) -> None:
        """Set the number of frames and begin the acquisition, as far as that is configured; does not wait for it."""
        ...

    def halt(self, wait_s: float = 0.0) -> None:
        """End the acquisition where that is configured; wait at most `wait_s` seconds for it. Failures are logged."""
        ...


def start_by_pvs(config: PvaDetector | CaDetector, put: Callable[[str, int, float], None], frames: int | None) -> None:
    """`Source.start` for PVs that `put` writes."""
    if config.frames_pv is not None and frames is not None:
        put(config.frames_pv, frames, _PUT_S)
    if config.acquire_pv is not None:
        put(config.acquire_pv, 1, 0.0)


def halt_by_pvs(config: PvaDetector | CaDetector, put: Callable[[str, int, float], None], wait_s: float) -> None:
    """`Source.halt` for PVs that `put` writes."""
    if config.acquire_pv is not None:
        put(config.acquire_pv, 0, wait_s)


def pv_names(config: PvaDetector | CaDetector) -> tuple[str, ...]:
    """All PVs a detector is configured with, the frames' first."""
    names = [config.pv, config.dropped_pv, config.produced_pv, config.exposure_pv, config.acquire_pv, config.frames_pv]
    names.append(config.id_pv)
    if isinstance(config, CaDetector):
        names += [config.width_pv, config.height_pv]
    return tuple(name for name in names if name is not None)


def no_answer(config: StreamedDetector, names: tuple[str, ...], timeout: float | None) -> RefusedError:
    """The error for PVs or attributes that do not answer, or did not within `timeout` seconds."""
    if isinstance(config, TangoDetector):
        return _no_answer(config.name, names, timeout, "attribute", "device server")
    beside = isinstance(config, PvaDetector) and config.pv not in names
    return pv_timeout(config.name, names, timeout, beside_frames=beside)


def pv_timeout(
    detector: str, names: tuple[str, ...], timeout: float | None, *, beside_frames: bool = False
) -> RefusedError:
    """The same for PVs; `beside_frames`: the frames' own PV answers over PVA."""
    return _no_answer(detector, names, timeout, "PV", "IOC", _QSRV if beside_frames else "")


def _no_answer(
    detector: str, names: tuple[str, ...], timeout: float | None, kind: str, server: str, hint: str = ""
) -> RefusedError:
    waited = "" if timeout is None else f" (waited {timeout:g} s)"
    subject = f"The {kind} {names[0]}" if len(names) == 1 else f"The {kind}s {', '.join(names)}"
    verb = "does" if len(names) == 1 else "do"
    return RefusedError(
        f"{subject} of detector {detector} {verb} not answer{waited}.",
        code="PV_TIMEOUT",
        value=names[0],
        remedy=f"Check that the detector's {server} runs and that the {kind}'s name is right, "
        f"then start the run again.{hint}",
    )
