"""The recorder: one run at a time over the configured detectors, with a memory that survives its process."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from beamsession.model.abridged import Completer
from beamsession.model.clock import Clock, utc_now
from beamsession.model.errors import NotFoundError, RefusedError, UnavailableError
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import DiskFacts, FileFacts, Problem, RecorderReport, RunReport
from beamsession.model.states import RunState
from beamsession.record.checks import plan_problems
from beamsession.record.conclusion import UnconcludedError
from beamsession.record.crew import Crew
from beamsession.record.deadline import DiskHand, sentence_of
from beamsession.record.detector import Detector
from beamsession.record.disk import disk_facts
from beamsession.record.ending import Ending
from beamsession.record.engines import SCALARS, Engines
from beamsession.record.folders import file_facts
from beamsession.record.journal import Journal, UnclosedMaster
from beamsession.record.masters import Masters
from beamsession.record.recovery import Recovery
from beamsession.record.run import LiveRun, first_report
from beamsession.record.scalars import Scalars
from beamsession.record.unclosed import UnclosedMasters

_RETRY_S = 1.0
_RECOVERY_S = 30.0
_log = logging.getLogger(__name__)


class _Life(Protocol):
    """A run that holds the recorder."""

    key: RunKey
    plan: RunPlan
    unclosed: list[UnclosedMaster]

    def report(self) -> RunReport: ...
    def end(self, ending: Ending) -> None: ...
    def gate(self, *, paused: bool) -> None: ...
    def arm(self) -> None: ...
    def conclude(self, others: tuple[RunReport, ...]) -> None: ...
    def leave(self) -> None: ...
    def execute(self) -> RunReport: ...


class Recorder:
    """Implements `beamsession.model.ports.RecorderPort` in this process.

    `detectors` and `scalars` build the engines; each is built in a thread of its own, so that the recorder answers
    before they are up (the problem STARTING until then). One control thread lives one run after the other.
    `readings` are those that a plan may name by their digest.
    Raises RefusedError (JOURNAL_IN_USE) when another process records with this journal.
    """

    def __init__(
        self,
        name: str,
        detectors: Mapping[str, Callable[[], Detector]],
        scalars: Callable[[], Scalars],
        journal_folder: Path,
        clock: Clock = utc_now,
        readings: Sequence[ReadingConfig] = (),
    ) -> None:
        self.name = name
        self._boot = uuid.uuid4().hex
        self._clock = clock
        self._completer = Completer(tuple(readings))
        self._disk = DiskHand()
        self._journal = Journal(journal_folder)
        memory = self._journal.recall()
        with suppress(UnavailableError):  # A run that begins says so again.
            self._journal.keep_readings(tuple(readings))
        self._masters = Masters(readings, eager=bool(detectors or readings))
        self._admission = threading.Lock()
        self._changed = threading.Condition()
        self._lives: list[_Life] = [
            Recovery(begun, self._masters, self._disk, clock, _RECOVERY_S, self._let_go) for begun in memory.begun
        ]
        self._finished = list(memory.finished)
        self._trouble: dict[str, Problem] = {str(path): _unreadable(path) for path in memory.unreadable}
        self._closing = False
        self._unclosed = UnclosedMasters(memory.unclosed, self._journal, readings, self._disk, self._is_idle)
        self._engines = Engines(detectors, scalars, self._at_work)
        self._control = threading.Thread(target=self._live_on, name=f"control of {name}", daemon=True)
        self._control.start()

    def check(self, plan: RunPlan) -> tuple[Problem, ...]:
        """Every reason why this run would fail."""
        try:
            plan = self._completer.whole(plan)
        except RefusedError as error:
            return (Problem(code=error.code, sentence=error.sentence, remedy=error.remedy),)
        with self._changed:
            live = self._lives[0].key if self._lives else None
        busy = [_busy(live)] if live is not None and live != plan.key else []
        # Engines at work on a run are not asked whether they could begin one.
        lanes = [] if live else [*self._engines.chosen(plan), self._engines.scalars]
        return (*busy, *self._engines.unknown(plan), *plan_problems(plan, lanes, self._disk))

    def prepare(self, plan: RunPlan) -> None:
        """Begin this run; a run that was begun already is left alone."""
        plan = self._completer.whole(plan)
        with self._admission:
            with self._changed:
                if self._knows(plan.key):
                    return
                if self._closing:
                    raise UnavailableError("The recorder is being stopped.", code="RECORDER_STOPPING")
                busy = [_busy(life.key) for life in self._lives]
            for problem in (*busy, *self._engines.unknown(plan)):
                raise RefusedError(problem.sentence, code=problem.code, value=str(plan.key), remedy=problem.remedy)
            self._disk.do("the journal", lambda: self._journal.write_begun(plan, first_report(plan)))
            crew = Crew(plan, self._engines.chosen(plan), self._engines.scalars)
            run = LiveRun(plan, crew, self._journal, self._masters, self._disk, self._clock)
            with self._changed:
                self._lives.append(run)
                self._changed.notify_all()

    def arm(self, key: RunKey) -> None:
        """Record a shared run: all its recorders are prepared."""
        if life := self._life(key):
            life.arm()

    def pause(self, key: RunKey) -> None:
        """Let frames pass unrecorded; returns when it is so."""
        if life := self._life(key):
            life.gate(paused=True)

    def resume(self, key: RunKey) -> None:
        """Record again; returns when it is so."""
        if life := self._life(key):
            life.gate(paused=False)

    def stop(self, key: RunKey, reason: str = "") -> None:
        """Write what was received, close, give the verdict; with a `reason` it is ABORTED."""
        if life := self._life(key):
            life.end(Ending(drain=True, reason=reason))

    def abort(self, key: RunKey) -> None:
        """Drop what is not yet written."""
        if life := self._life(key):
            life.end(Ending(drain=False, reason="It was aborted."))

    def conclude(self, key: RunKey, others: tuple[RunReport, ...]) -> None:
        """What became of the other parts of a shared run that this recorder leads."""
        if life := self._life(key):
            life.conclude(others)

    def forget(self, key: RunKey) -> None:
        """Remove the outcome of this run from the report and the journal; one that is not there is well."""
        with self._changed:
            known = any(report.key == key for report in self._finished)
        if not known:
            return
        self._disk.do("the journal", lambda: self._journal.forget(key))
        with self._changed:
            self._finished = [report for report in self._finished if report.key != key]

    def report(self) -> RecorderReport:
        """What it is doing and what has ended; never waits for anything."""
        with self._changed:
            life = self._lives[0] if self._lives else None
            return RecorderReport(
                name=self.name,
                boot=self._boot,
                current=life.report() if life else None,
                finished=tuple(self._finished),
                pids={"control": os.getpid()} | self._masters.pids() | self._engines.pids(),
                problems=(*self._engines.problems(), *self._trouble.values(), *self._unclosed.problems()),
            )

    def disk(self, path: Path) -> DiskFacts:
        """The disk that holds `path`. Raises UnavailableError (DISK_TIMEOUT)."""
        return self._disk.do(f"free space at {path}", lambda: disk_facts(path))

    def stat(self, path: Path) -> FileFacts:
        """Facts about `path`. Raises UnavailableError (DISK_TIMEOUT)."""
        return self._disk.do(f"stat {path}", lambda: file_facts(path))

    def shutdown(self, patience_s: float = 4.0) -> None:
        """Close the files of a live run in order (ABORTED, "The recorder was stopped."), then end all processes."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            for life in self._lives:
                life.end(Ending(drain=True, reason="The recorder was stopped."))
                life.leave()
            self._changed.notify_all()
        self._control.join(patience_s * 0.6)
        if self._control.is_alive():
            with self._changed:
                for life in self._lives:
                    life.end(Ending(drain=False))
            self._control.join(patience_s * 0.4)
        self._engines.shutdown(patience_s / 4)
        self._masters.shutdown(patience_s / 4)
        self._unclosed.shutdown(patience_s / 4)
        self._journal.close()

    def _live_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lives or self._closing)
                if not self._lives:
                    return
                life = self._lives[0]
            if (outcome := self._lived(life)) is not None:
                self._keep(life, outcome)
                continue
            with self._changed:
                self._lives.remove(life)  # The next process finds it begun and goes on waiting.

    def _lived(self, life: _Life) -> RunReport | None:
        """The outcome; None where this process ends before the other recorders' parts are known."""
        try:
            return life.execute()
        except UnconcludedError:
            return None
        except Exception as fault:
            _log.exception("run %s broke", life.key)
            return life.report().model_copy(
                update={
                    "state": RunState.ABORTED,
                    "reason": f"The recorder failed: {sentence_of(fault)}",
                    "stop": self._clock(),
                }
            )

    def _keep(self, life: _Life, outcome: RunReport) -> None:
        """Make the outcome durable, then visible. A journal that cannot be written holds the run in DRAINING."""
        while True:
            try:
                self._write_down(life, outcome)
                break
            except UnavailableError as fault:
                with self._changed:
                    self._trouble["journal"] = Problem(code=fault.code, sentence=fault.sentence, remedy=fault.remedy)
                    if self._closing:
                        self._lives.remove(life)  # The next process finds it begun and recovers it.
                        return
                time.sleep(_RETRY_S)
        with self._changed:
            self._trouble.pop("journal", None)
            self._finished.append(outcome)
            self._lives.remove(life)
            self._changed.notify_all()
        self._unclosed.try_soon()
        _log.info("run %s ended: %s %s", life.key, outcome.state.value, outcome.reason)

    def _write_down(self, life: _Life, outcome: RunReport) -> None:
        """The outcome, and before it a master that could not be closed: it is known of as long as the run is."""
        for entry in life.unclosed:
            self._unclosed.keep(entry)
        if not life.unclosed:
            self._unclosed.forget(life.key)  # A process that was killed in between had kept it.
        self._journal.write_finished(outcome)

    def _life(self, key: RunKey) -> _Life | None:
        """The live run, None where it has ended. Raises NotFoundError (RUN_UNKNOWN)."""
        with self._changed:
            life = next((life for life in self._lives if life.key == key), None)
            if life is None and not self._knows(key):
                raise NotFoundError(
                    f"The recorder '{self.name}' knows no run {key}.",
                    code="RUN_UNKNOWN",
                    value=str(key),
                    remedy="It was never begun here, or its outcome was acknowledged.",
                )
            return life

    def _let_go(self, plan: RunPlan) -> list[str]:
        return self._engines.let_go(plan, _RECOVERY_S)

    def _at_work(self) -> set[str]:
        """The engines that live runs have."""
        with self._changed:
            detectors = {item.name for life in self._lives for item in life.plan.detectors}
            return detectors | ({SCALARS} if self._lives else set())

    def _is_idle(self) -> bool:
        with self._changed:
            return not self._lives

    def _knows(self, key: RunKey) -> bool:
        return any(item.key == key for item in self._lives) or any(item.key == key for item in self._finished)


def _busy(live: RunKey) -> Problem:
    return Problem(
        code="RECORDER_BUSY",
        sentence=f"The recorder is recording run {live}.",
        remedy="Stop that run first.",
    )


def _unreadable(path: Path) -> Problem:
    return Problem(
        code="JOURNAL_UNREADABLE",
        sentence=f"The journal entry {path} cannot be read: the outcome of a run is not known.",
        remedy="Look at the run's data files, then move the entry away.",
    )
