"""Openings in the walls: what verbs and the manager need from engines they do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.report import DiskFacts, FileFacts, Problem, RecorderReport, RunReport


class RecorderPort(Protocol):
    """A recorder, in this process or behind Tango.

    Every method answers within its deadline (3 s at most) or raises UnavailableError with the code
    RECORDER_UNREACHABLE. All but `report` and the questions are idempotent: asking twice does it once.
    """

    def check(self, plan: RunPlan) -> tuple[Problem, ...]:
        """Every reason why this run would fail, found without changing anything; empty if it can be recorded."""
        ...

    def prepare(self, plan: RunPlan) -> None:
        """Create the files, connect, and record from then on; returns at once, progress is in `report`.

        Raises RefusedError when another run is live (code RECORDER_BUSY).
        """
        ...

    def arm(self, key: RunKey) -> None:
        """Begin to record a run that several recorders share: all of them are prepared."""
        ...

    def pause(self, key: RunKey) -> None:
        """Do not record the frames that come from now on."""
        ...

    def resume(self, key: RunKey) -> None:
        """Record again."""
        ...

    def stop(self, key: RunKey, reason: str = "") -> None:
        """Take no more frames, write what was received, close, give the verdict: with a `reason` it is ABORTED."""
        ...

    def abort(self, key: RunKey) -> None:
        """Drop what is not yet written, close what is."""
        ...

    def conclude(self, key: RunKey, others: tuple[RunReport, ...]) -> None:
        """To the leading recorder of a shared run: what became of the other parts, so that it closes the master."""
        ...

    def forget(self, key: RunKey) -> None:
        """The outcome of this run is safe in the store; the recorder need not keep it."""
        ...

    def report(self) -> RecorderReport:
        """What it is doing and what has ended."""
        ...

    def disk(self, path: Path) -> DiskFacts:
        """Free space and writability of the disk that holds `path` (or will: the nearest existing parent)."""
        ...

    def stat(self, path: Path) -> FileFacts:
        """Facts about a path on the recorder's host."""
        ...
