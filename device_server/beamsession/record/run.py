"""The life of one run: prepared, recorded, drained, closed, with a report at every moment."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from beamsession.model.clock import Clock
from beamsession.model.completeness import Completeness, verdict
from beamsession.model.data_layout import OWN_LAYOUT
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.plan import RunPlan
from beamsession.model.report import PauseInterval, RunReport
from beamsession.model.sentences import joined
from beamsession.model.states import RunState
from beamsession.record.closing import close_master
from beamsession.record.conclusion import Conclusion, first_accounts, whole_outcome
from beamsession.record.crew import Crew, Look
from beamsession.record.deadline import DiskHand, sentence_of
from beamsession.record.ending import STOP, Ending
from beamsession.record.folders import data_files, existing_file_problems, make_folder
from beamsession.record.journal import Journal, UnclosedMaster
from beamsession.record.masters import Masters
from beamsession.record.readings.reading import Reading
from beamsession.record.scalars import ReadingsLost
from beamsession.record.stall import Stall

_TICK_S = 0.05
# What was told to drop what is not yet written has to close its file soon; else it hangs.
_CLOSE_S = 10.0
_GATE_LEAD = timedelta(seconds=0.05)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)


class LiveRun:
    """One run. `execute` lives it in the thread that calls it; everything else may be called from any thread."""

    def __init__(
        self, plan: RunPlan, crew: Crew, journal: Journal, masters: Masters, disk: DiskHand, clock: Clock
    ) -> None:
        self.plan = plan
        self.key = plan.key
        self._crew = crew
        self._journal = journal
        self._masters = masters
        self._disk = disk
        self._clock = clock
        self._changed = threading.Condition()
        self._ending: Ending | None = None
        self._wants_pause = False
        self._made_folders: list[Path] = []
        self._master_made = False
        self._may_arm = not plan.is_shared
        self._armed = False
        self._conclusion = Conclusion()
        self._arm_fault: Exception | None = None
        self._constants: Mapping[str, Reading] = {}
        self._failures: dict[str, str] = {}
        self._lost = ReadingsLost()
        self._unread: list[str] = []
        self._report = first_report(plan)
        self.unclosed: list[UnclosedMaster] = []

    def report(self) -> RunReport:
        """How far it is."""
        with self._changed:
            return self._report

    def end(self, ending: Ending) -> None:
        """Ask for the end; asking again can only make it sooner."""
        with self._changed:
            self._ending = ending if self._ending is None else self._ending.joined(ending)
            self._changed.notify_all()

    def gate(self, *, paused: bool, patience_s: float = 2.0) -> None:
        """Ask for a pause or its end, and wait until it is so, or the run is no longer recording."""
        wanted = RunState.PAUSED if paused else RunState.RECORDING
        other = RunState.RECORDING if paused else RunState.PAUSED
        with self._changed:
            self._wants_pause = paused
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._report.state is wanted or self._report.state is not other, patience_s)

    def arm(self) -> None:
        """Record, once prepared: the other recorders of a shared run are prepared too."""
        with self._changed:
            self._may_arm = True
            self._changed.notify_all()

    def conclude(self, others: tuple[RunReport, ...]) -> None:
        """What became of the other parts of a shared run."""
        self._conclusion.tell(others)

    def leave(self) -> None:
        """The process ends: do not wait for what other recorders have to tell."""
        self._conclusion.give_up()

    def execute(self) -> RunReport:
        """Live the run from its preparation to its verdict; the last report. Raises UnconcludedError."""
        try:
            self._prepare()
        except Exception as fault:
            return self._failed(fault)
        self._record()
        self._drain()
        return self._close()

    def _prepare(self) -> None:
        self._made_folders = self._disk.do(f"make {self.plan.folder}", self._claim_folder)
        self._constants = self._crew.prepare()
        start = self._clock()
        if self.plan.leads:
            self._masters.start(self.plan.whole, start=start, constants=self._constants)
            self._master_made = True
        files = tuple(self._crew.files().values())
        self._set(start=start, files=files, master=self.plan.master if self.plan.leads else None)
        with self._changed:
            self._changed.wait_for(lambda: self._may_arm or self._ending is not None)

    def _claim_folder(self) -> list[Path]:
        made = make_folder(self.plan.data_root, self.plan.folder, self.plan.rules)
        if problems := existing_file_problems(self.plan):
            first = problems[0]
            raise RefusedError(first.sentence, code=first.code, value=str(self.plan.folder), remedy=first.remedy)
        return made

    def _record(self) -> None:
        if self._asked() is None:
            try:
                self._crew.arm()
                self._armed = True
                self._set(state=RunState.RECORDING)
                self._write_down()
            except Exception as fault:
                _log.exception("run %s could not be armed", self.key)
                self._arm_fault = fault
                self.end(Ending(drain=True, reason=sentence_of(fault)))
        while (ending := self._asked()) is None:
            self._apply_gate()
            look = self._look()
            if look.finished:
                self.end(STOP)
            self._tick()
        _log.info("run %s ends: %s", self.key, ending)

    def _apply_gate(self) -> None:
        paused = self._report.state is RunState.PAUSED
        if self._wants_pause == paused:
            return
        # A little later than now: every detector shall know it before a frame of that moment can come.
        wanted = _ns(self._clock() + _GATE_LEAD)
        try:
            moment = _moment(self._crew.resume(wanted) if paused else self._crew.pause(wanted))
        except Exception as fault:
            self.end(Ending(drain=True, reason=sentence_of(fault)))
            return
        self._wait(_GATE_LEAD.total_seconds())
        done = _ended_pauses(self._report, moment) if paused else (*self._report.pauses, PauseInterval(start=moment))
        self._set(state=RunState.RECORDING if paused else RunState.PAUSED, pauses=done)
        self._write_down()

    def _wait(self, seconds: float) -> None:
        """Until so much time is past, or an end was asked for."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending is not None, seconds)

    def _drain(self) -> None:
        now = self._clock()
        self._set(state=RunState.DRAINING, stop=now, pauses=_ended_pauses(self._report, now))
        ending = self._asked() or STOP
        self._tell_stop(drain=ending.drain)
        self._write_down()
        patient = ending.drain
        give_up = time.monotonic() + _CLOSE_S
        stall = Stall()
        while not (look := self._look()).closed:
            if patient and not (self._asked() or STOP).drain:
                patient = False
                self._tell_stop(drain=False)
                give_up = time.monotonic() + _CLOSE_S
            if not patient and time.monotonic() > give_up:
                self.end(Ending(drain=False, reason="A data file could not be closed: its writer does not answer."))
                return
            self._set(reason=stall.sentence(sum(account.written for account in look.accounts)))
            self._tick()

    def _tell_stop(self, *, drain: bool) -> None:
        try:
            self._crew.stop(drain=drain)
        except Exception as fault:
            _log.exception("run %s: a detector could not be stopped", self.key)
            self.end(Ending(drain=drain, reason=sentence_of(fault)))

    def _look(self) -> Look:
        look = self._crew.look()
        self._set(
            accounts=look.accounts,
            rate=look.rate,
            readings=look.readings,
            readings_lost=look.lost.count,
            warnings=look.warnings,
        )
        self._note_lost(look.lost)
        for name, failure in look.failures.items():
            if name in self._failures:
                continue
            _log.error("run %s: %s: %s", self.key, name, failure)
            self._failures[name] = failure
            if name == self._crew.scalars_name:
                self._set(reason=f"{name}: {failure}")  # the frames are still worth having
            else:
                self.end(Ending(drain=True, reason=f"{name}: {failure}"))
        return look

    def _note_lost(self, lost: ReadingsLost) -> None:
        """The frames are still worth having; what is lost now is told at once, and in the verdict."""
        if lost.count == self._lost.count:
            return
        _log.error("run %s: readings: %s", self.key, lost.sentence)
        self._lost = lost
        self._set(reason=f"{self._crew.scalars_name}: {lost.sentence}")

    def _close(self) -> RunReport:
        constants_end: Mapping[str, Reading] = {}
        try:
            constants_end = self._crew.stop_scalars()
        except Exception as fault:
            self._failures.setdefault(self._crew.scalars_name, sentence_of(fault))
        self._look()  # The last readings are counted now.
        accounts = self._salvaged(self._report.accounts)
        ending = self._asked() or STOP
        recorded = self._armed or any(account.written for account in accounts)
        state, reason = self._own_verdict(ending, accounts) if recorded else self._never_recorded(ending)
        report = self._set(state=RunState.DRAINING, accounts=accounts, rate=0.0, warnings=())
        if self.plan.leads:  # A recorder that is killed from now on need not find out again how it went.
            self._write_down(report.model_copy(update={"own": state, "reason": reason}), constants_end)
            self._set(own=state, reason=reason)
        report = self._with_others(report.model_copy(update={"state": state, "reason": reason}))
        if not recorded and not report.written:
            return self._without_files(report)
        if not self.plan.leads:
            return report
        return close_master(
            report,
            self.plan.whole,
            self._masters,
            self._disk,
            constants_start=self._constants,
            constants_end=constants_end,
            keep=self.unclosed.append,
        )

    def _with_others(self, own: RunReport) -> RunReport:
        """The outcome of the whole run where this recorder leads a shared one, as soon as it is told; else `own`."""
        if not (self.plan.is_shared and self.plan.leads):
            return own
        return whole_outcome(self.plan, own, self._conclusion.wait(), self._disk)

    def _salvaged(self, accounts: tuple[Completeness, ...]) -> tuple[Completeness, ...]:
        """The accounts, with what is really in the files whose writer broke."""
        files = {**data_files(self.plan), self._crew.scalars_name: self.plan.readings_file}
        broken = [name for name in self._failures if name in files and files[name].exists()]
        if self._crew.scalars_name in broken:
            broken.remove(self._crew.scalars_name)
            with suppress(BeamsessionError):  # The master's check complains of what cannot be read.
                self._masters.mend(files[self._crew.scalars_name], _CLOSE_S)
        layouts = {item.name: item.layout or OWN_LAYOUT for item in self.plan.detectors}
        corrected: list[Completeness] = []
        for item in accounts:
            if item.detector in broken:
                name = item.detector
                found = self._masters.salvage(files[name], _CLOSE_S, layouts[name], item)
                item = found.account
                self._unread += [found.problem] if found.problem else []
            corrected.append(item)
        return tuple(corrected)

    def _own_verdict(self, ending: Ending, accounts: tuple[Completeness, ...]) -> tuple[RunState, str]:
        state, reason = (RunState.ABORTED, ending.reason) if ending.reason else verdict(accounts)
        reason = joined(reason, *self._unread)
        troubles = [self._failures.get(self._crew.scalars_name), self._lost.sentence]
        if not any(troubles):
            return state, reason
        sentence = "; ".join(f"readings: {trouble}" for trouble in troubles if trouble)
        return (
            RunState.INCOMPLETE if state is RunState.COMPLETED else state,
            joined(reason, sentence),
        )

    def _never_recorded(self, ending: Ending) -> tuple[RunState, str]:
        if self._arm_fault is not None:
            return RunState.FAILED, sentence_of(self._arm_fault)
        return RunState.ABORTED, ending.reason or "It was stopped before it recorded."

    def _failed(self, fault: Exception) -> RunReport:
        """The report of a run that could not be prepared."""
        if not isinstance(fault, BeamsessionError):
            _log.error("run %s could not be prepared", self.key, exc_info=fault)
        report = self.report().model_copy(update={"state": RunState.FAILED, "reason": sentence_of(fault)})
        return self._without_files(report)

    def _without_files(self, report: RunReport) -> RunReport:
        """The report of a run that never recorded, after our own empty files are gone."""
        self._remove_empty_files()
        changes = {"files": (), "master": None, "rate": 0.0, "warnings": (), "stop": self._clock()}
        return report.model_copy(update=changes)

    def _remove_empty_files(self) -> None:
        try:
            self._crew.discard(_CLOSE_S)
            if self._master_made:
                self.plan.master.unlink(missing_ok=True)
            for folder in reversed(self._made_folders):
                folder.rmdir()
        except Exception:
            _log.warning("run %s: what was created could not be removed", self.key, exc_info=True)

    def _asked(self) -> Ending | None:
        with self._changed:
            return self._ending

    def _set(self, **changes: Any) -> RunReport:
        with self._changed:
            self._report = self._report.model_copy(update=changes)
            self._changed.notify_all()
            return self._report

    def _tick(self) -> None:
        with self._changed:
            before = (self._ending, self._wants_pause)
            self._changed.wait_for(lambda: (self._ending, self._wants_pause) != before, _TICK_S)

    def _write_down(self, report: RunReport | None = None, constants_end: Mapping[str, Reading] | None = None) -> None:
        """Best effort: a journal that fails now costs only the pauses of a run that dies as well."""
        try:
            self._journal.write_begun(self.plan, report or self.report(), constants_end)
        except BeamsessionError:
            _log.exception("run %s: the journal could not be written", self.key)


def first_report(plan: RunPlan) -> RunReport:
    """The report of a run that nobody has begun."""
    return RunReport(
        key=plan.key,
        state=RunState.PREPARING,
        accounts=first_accounts(plan),
        team=plan.team,
        part=plan.part,
    )


def _ns(moment: datetime) -> int:
    """Nanoseconds since 1970, exact to the microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _moment(since_ns: int) -> datetime:
    """The same back; what is beyond a microsecond counts as the next."""
    return _EPOCH + timedelta(microseconds=-(-since_ns // 1000))


def _ended_pauses(report: RunReport, now: datetime) -> tuple[PauseInterval, ...]:
    return tuple(pause if pause.stop else PauseInterval(start=pause.start, stop=now) for pause in report.pauses)
