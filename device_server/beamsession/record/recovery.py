"""A run that was live when the recorder's control process died: its files are mended and its outcome is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from beamsession.model.clock import Clock
from beamsession.model.completeness import Completeness
from beamsession.model.errors import BeamsessionError
from beamsession.model.plan import RunPlan
from beamsession.model.report import PauseInterval, RunReport
from beamsession.model.states import RunState
from beamsession.record.closing import close_master
from beamsession.record.conclusion import Conclusion, whole_outcome
from beamsession.record.deadline import DiskHand
from beamsession.record.ending import Ending
from beamsession.record.folders import data_files
from beamsession.record.journal import BegunRun, UnclosedMaster
from beamsession.record.masters import Masters

_log = logging.getLogger(__name__)


class Recovery:
    """Ends a run of an earlier process. It is shown as DRAINING: its orphaned writers still write what they have."""

    def __init__(
        self,
        begun: BegunRun,
        masters: Masters,
        disk: DiskHand,
        clock: Clock,
        patience_s: float,
        let_go: Callable[[RunPlan], list[str]] = lambda _: [],
    ) -> None:
        """`let_go` ends what detectors still do for the run that are no processes of ours; its faults, in sentences."""
        self.plan = begun.plan
        self.key = begun.plan.key
        self._constants_end = begun.constants_end
        self._masters = masters
        self._disk = disk
        self._clock = clock
        self._patience_s = patience_s
        self._let_go = let_go
        self._layouts = {item.name: item.layout for item in self.plan.detectors}
        self._lock = threading.Lock()
        self._conclusion = Conclusion()
        self.unclosed: list[UnclosedMaster] = []
        self._report = begun.report.model_copy(update={"state": RunState.DRAINING, "rate": 0.0})

    def report(self) -> RunReport:
        """What is known of it."""
        with self._lock:
            return self._report

    def end(self, ending: Ending) -> None:
        """It is ending already."""

    def gate(self, *, paused: bool) -> None:
        """It takes no more frames."""

    def arm(self) -> None:
        """It takes no more frames."""

    def conclude(self, others: tuple[RunReport, ...]) -> None:
        """What became of the other parts of a shared run."""
        self._conclusion.tell(others)

    def leave(self) -> None:
        """The process ends: do not wait for what other recorders have to tell."""
        self._conclusion.give_up()

    def execute(self) -> RunReport:
        """Wait for the writers, mend, count, close the master; the last report. Raises UnconcludedError."""
        own = self._ended()
        # Killed before the master was made: then there are no frames either.
        if not self.plan.leads or not self.plan.master.exists():
            return own.model_copy(update={"master": None})
        if self.plan.is_shared:
            with self._lock:
                self._report = self._report.model_copy(update={"own": own.state, "reason": own.reason})
            own = whole_outcome(self.plan, own, self._conclusion.wait(), self._disk)
        return close_master(
            own,
            self.plan.whole,
            self._masters,
            self._disk,
            constants_start=None,
            constants_end=self._constants_end,
            keep=self.unclosed.append,
        )

    def _ended(self) -> RunReport:
        """How the part of this recorder has ended."""
        if self._report.own is not None:  # Its own part was closed in order; it waited for the others.
            return self._report.model_copy(update={"state": self._report.own, "own": None})
        notes = self._let_go(self.plan)
        files = [path for path in data_files(self.plan).values() if path.exists()]
        accounts = tuple(self._account(known, notes) for known in self._report.accounts)
        if self.plan.leads and self.plan.readings_file.exists():
            files.append(self.plan.readings_file)
            with suppress(BeamsessionError):  # The master's check complains of what cannot be read.
                self._masters.mend(self.plan.readings_file, self._patience_s)
        written = sum(account.written for account in accounts)
        reason = f"The recorder process was killed during the run; {written} frames are safe."
        now = self._clock()
        with self._lock:
            self._report = self._report.model_copy(
                update={
                    "accounts": accounts,
                    "files": tuple(files),
                    "stop": self._report.stop or now,
                    "pauses": tuple(
                        pause if pause.stop else PauseInterval(start=pause.start, stop=now)
                        for pause in self._report.pauses
                    ),
                }
            )
        return self._report.model_copy(update={"state": RunState.ABORTED, "reason": " ".join([reason, *notes])})

    def _account(self, known: Completeness, notes: list[str]) -> Completeness:
        path, layout = self.plan.data_file(known.detector), self._layouts.get(known.detector)
        if layout is None:
            return known  # It has no file: what it last told is all there is.
        if not path.exists():
            return known.model_copy(update={"written": 0})
        found = self._masters.salvage(path, self._patience_s, layout, known)
        if found.problem:
            _log.error("run %s: %s", self.key, found.problem)
            notes.append(found.problem)
        return found.account
