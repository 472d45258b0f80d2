"""What a detector is to the recorder, whoever writes its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from beamsession.model.completeness import ClockOffset, Completeness
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.model.value import Value


class Progress(Value):
    """How far one detector is in the present run.

    `written` in the account counts flushed frames only. `rate` is in bytes per second over about the last second.
    `closed` tells that its file is complete and no process holds it. `failure` is a sentence where something broke
    (a process died, the disk is full, the frame size changed): the run has to end, with what is on disk. `warnings`
    are what is wrong at this moment and does not end it.
    """

    account: Completeness
    rate: float = 0.0
    closed: bool = False
    failure: str = ""
    warnings: tuple[Problem, ...] = ()


class Measure(Value):
    """What is known of a detector's frames before a run.

    `frame_bytes` is one frame uncompressed, None where nothing tells yet; `ring_bytes` the memory between receiver
    and writer; `clock_offset` that of its last run.
    """

    frame_bytes: int | None
    ring_bytes: int
    compressed: bool
    clock_offset: ClockOffset | None = None


@runtime_checkable
class Measured(Protocol):
    """A detector that can tell beforehand what its frames need."""

    def measure(self) -> Measure:
        """As it is set now."""
        ...


class Detector(Protocol):
    """One configured detector over the life of a recorder; one run at a time.

    Order of calls in a run: `prepare`, `arm`, any of `pause`/`resume`/`progress`, then `stop`, then `progress` until
    it is `closed`. All methods are called from one thread and return within about a second, `prepare` within the
    plan's connect time-out.
    """

    @property
    def name(self) -> str:
        """Its configured name."""
        ...

    def check(self) -> tuple[Problem, ...]:
        """Every reason why a run with it would fail now (PV not connected, ...); changes nothing."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Create its data file exclusively, connect and subscribe; frames that come are not yet recorded.

        Raises RefusedError (codes PV_TIMEOUT, FILE_EXISTS, DISK_FULL, ROOT_NOT_WRITABLE, BAD_FRAME); nothing of the
        run then stays open.
        """
        ...

    def arm(self) -> None:
        """Record every frame that is posted from now on, and start the acquisition where that is configured."""
        ...

    def pause(self, at_ns: int) -> int:
        """Do not record frames posted after `at_ns` (ns since 1970), whenever they come; they are not missing.

        Returns the moment from which on it is so, which is later where a later frame is recorded already.
        """
        ...

    def resume(self, at_ns: int) -> int:
        """Record frames posted after `at_ns` again; the moment from which on it is so."""
        ...

    def stop(self, *, drain: bool) -> None:
        """Take no more frames. `drain`: write what was received; else drop what is not yet written. Does not wait."""
        ...

    def progress(self) -> Progress:
        """The account at this moment; after `closed` it is the final one."""
        ...

    def data_file(self) -> Path | None:
        """The data file of the present run, None where there is none."""
        ...

    def pids(self) -> dict[str, int]:
        """Its processes: role (`<name>.receiver`, `<name>.writer`) to process id."""
        ...

    def recover(self, plan: RunPlan) -> None:
        """End what it still does for a run whose recorder was killed; returns when it is done, half a minute at most.

        Raises UnavailableError or RefusedError where that is not possible. Processes of ours end by themselves.
        """
        ...

    def shutdown(self) -> None:
        """End its processes; a run in progress is drained first."""
        ...
