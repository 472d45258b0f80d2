"""Brings the recorder to where the store says it should be, and the store to what the recorder says has happened.

The store holds what was asked of a run (its intent). This loop compares that with the recorder's report and acts on
the difference; it keeps nothing of its own, so a restart of the manager changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from beamsession.model.clock import utc_now
from beamsession.model.errors import BeamsessionError, NotFoundError, UnavailableError
from beamsession.model.instrument import Instrument
from beamsession.model.parts import parts_of
from beamsession.model.plain import plain
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.ports import RecorderPort
from beamsession.model.report import RecorderReport, RunReport
from beamsession.model.run import Run
from beamsession.model.states import RunIntent, RunState
from beamsession.servers.manager.projector import Projector
from beamsession.store import Store
from beamsession.team import GRACE_S
from beamsession.verbs.plan import plan_run

_log = logging.getLogger(__name__)
_HASTE_S = 0.02
_HASTE_LASTS_S = 2.0
_BUSY_S = 0.1
_IDLE_S = 0.5
_CHANGING = {RunState.PREPARING, RunState.DRAINING}
_DISK_S = 2.0
_STOPPABLE = {RunState.PREPARING, RunState.RECORDING, RunState.PAUSED}
_ABORTABLE = {*_STOPPABLE, RunState.DRAINING}
_STARTING = "STARTING"

Submit = Callable[[str, dict[str, Any]], "Future[Any]"]


class Liaison:
    """One thread between one store and one recorder; verbs are submitted to the instrument's queue as the recorder."""

    def __init__(
        self, instrument: Instrument, store: Store, recorder: RecorderPort, projector: Projector, submit: Submit
    ) -> None:
        self._instrument = instrument
        self._store = store
        self._recorder = recorder
        self._projector = projector
        self._submit = submit
        self._wake = threading.Event()
        self._woken_at = float("-inf")
        self._stopping = False
        self._starting = True  # until the recorder has started too, or was waited for long enough
        self._silent_since: float | None = None
        self._disk_at = float("-inf")
        self._thread = threading.Thread(target=self._work, name="liaison", daemon=True)

    def start(self) -> None:
        """Begin; the first round settles what a crash left behind."""
        self._thread.start()

    def wake(self) -> None:
        """Look now, and often for a while: something was asked of a run."""
        self._woken_at = time.monotonic()
        self._wake.set()

    def stop(self) -> None:
        """End after the present round."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while not self._stopping:
            pause = _IDLE_S
            try:
                pause = self._round()
            except BeamsessionError as error:
                _log.warning("recorder liaison: %s", error.text)
            except Exception:
                _log.exception("recorder liaison: unexpected fault; it goes on")
            self._wake.wait(pause)
            self._wake.clear()

    def _round(self) -> float:
        try:
            report = self._recorder.report()
        except UnavailableError as error:
            self._on_silence(error)
            return _IDLE_S
        self._silent_since = None
        self._take_finished(report)
        live = self._store.live_runs(self._instrument.name)
        for run in live:
            self._settle(run, report)
        for current in report.live:
            self._drop_unknown(current, live)
        current = report.current if live else None
        self._starting = self._starting and any(problem.code == _STARTING for problem in report.problems)
        problems = tuple(problem for problem in report.problems if not (self._starting and problem.blocks))
        self._projector.live(report=current, recorder_fault="", recorder_problems=problems, starting=self._starting)
        self._look_at_disk()
        return self._pause(live)

    def _pause(self, live: list[Run]) -> float:
        """How long to wait for the next round: hardly at all where somebody waits for what it will find."""
        if not live:
            return _IDLE_S
        is_asked = time.monotonic() - self._woken_at < _HASTE_LASTS_S
        return _HASTE_S if is_asked and any(run.state in _CHANGING for run in live) else _BUSY_S

    def _on_silence(self, error: UnavailableError) -> None:
        now = time.monotonic()
        self._silent_since = self._silent_since if self._silent_since is not None else now
        if now - self._silent_since < GRACE_S:
            return
        for run in self._store.live_runs(self._instrument.name):
            self._lose(run, error.sentence)
        self._starting = False
        self._projector.live(report=None, recorder_fault=error.text, recorder_problems=(), starting=False)

    def _take_finished(self, report: RecorderReport) -> None:
        for finished in report.finished:
            if finished.key.instrument != self._instrument.name:
                continue
            if self._stored(finished.key) is None or self._do_report(finished):
                self._recorder.forget(finished.key)

    def _stored(self, key: RunKey) -> Run | None:
        """The recorder's run in the store; None only if the store answers that it has no such run."""
        try:
            return self._store.run(key.session_id, key.run_number)
        except NotFoundError:
            _log.warning("the recorder has a run that the store does not know: %s", key)
            return None

    def _lose(self, run: Run, reason: str) -> None:
        if run.state is not RunState.LOST:
            self._do("run_lose", {"session": run.session_id, "run": run.number, "reason": reason})

    def _settle(self, run: Run, report: RecorderReport) -> None:
        key = RunKey(instrument=self._instrument.name, session_id=run.session_id, run_number=run.number)
        current = next((current for current in report.live if current.key == key), None)
        if current is None:
            self._settle_absent(run, key, report)
            return
        if current.state is RunState.LOST:
            self._lose(run, current.reason)
            return
        states = {current.state, *(part.state for part in current.parts)}
        match run.intent:
            case RunIntent.RECORD if RunState.PAUSED in states:
                self._recorder.resume(key)
            case RunIntent.PAUSE if RunState.RECORDING in states:
                self._recorder.pause(key)
            case RunIntent.STOP if states & _STOPPABLE:
                self._recorder.stop(key)
            case RunIntent.ABORT if states & _ABORTABLE:
                self._recorder.abort(key)
            case RunIntent.RECORD | RunIntent.PAUSE if RunState.NONE in states and run.state is RunState.PREPARING:
                self._prepare(run, key)  # one of its recorders was not told yet
            case _:
                pass
        is_news = run.state in (RunState.PREPARING, RunState.LOST) or (not run.file and current.master is not None)
        if is_news and current.state is not RunState.PREPARING:
            self._do_report(current)

    def _settle_absent(self, run: Run, key: RunKey, report: RecorderReport) -> None:
        if silent := [report.silent[name] for name in self._recorders_of(run) if name in report.silent]:
            if max(silent) >= GRACE_S:
                self._lose(run, "its recorder cannot be reached")
        elif run.intent in (RunIntent.RECORD, RunIntent.PAUSE) and run.state is RunState.PREPARING and not run.file:
            self._prepare(run, key)
        elif run.intent in (RunIntent.STOP, RunIntent.ABORT) and not run.file:
            self._end(key, RunState.ABORTED, "it was ended before its recorder had begun")
        else:
            self._end(key, RunState.ABORTED, "its recorder knows nothing of it any more")

    def _recorders_of(self, run: Run) -> list[str]:
        return list(parts_of(self._plan(run), self._instrument.recorders))

    def _plan(self, run: Run) -> RunPlan:
        return plan_run(self._instrument, self._store.session(run.session_id), run)

    def _prepare(self, run: Run, key: RunKey) -> None:
        try:
            self._recorder.prepare(self._plan(run))
        except UnavailableError:
            raise
        except BeamsessionError as error:
            self._end(key, RunState.FAILED, error.text)
        self._wake.set()

    def _end(self, key: RunKey, state: RunState, reason: str) -> None:
        self._do_report(RunReport(key=key, state=state, reason=reason, stop=utc_now()))

    def _drop_unknown(self, current: RunReport, live: list[Run]) -> None:
        if current.key.instrument != self._instrument.name:
            return
        if (current.key.session_id, current.key.run_number) in {(run.session_id, run.number) for run in live}:
            return
        stored = self._stored(current.key)
        if stored is not None and stored.state.is_live:
            return  # it began after `live` was read
        self._recorder.abort(current.key)

    def _look_at_disk(self) -> None:
        if time.monotonic() - self._disk_at < _DISK_S:
            return
        self._disk_at = time.monotonic()
        self._projector.live(disk=self._recorder.disk(self._instrument.data_root))

    def _do_report(self, report: RunReport) -> bool:
        return self._do("run_report", {"report": plain(report)})

    def _do(self, verb: str, arguments: dict[str, Any]) -> bool:
        try:
            self._submit(verb, arguments).result(timeout=30)
        except BeamsessionError as error:
            _log.error("%s was refused: %s", verb, error.text)
            return False
        return True
