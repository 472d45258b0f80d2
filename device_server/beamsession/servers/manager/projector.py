"""The one road from commit to push: a new view replaces the old one, and whoever listens is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from beamsession.model.alarms import Facts, alarms, device_state
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.clock import Clock, utc_now
from beamsession.model.instrument import Instrument
from beamsession.model.report import DiskFacts, Problem, RunReport
from beamsession.model.states import DeviceState
from beamsession.model.view import View
from beamsession.servers.manager.picture import advanced_view, whole_view
from beamsession.store import Store

_log = logging.getLogger(__name__)
_PAGE = 1000
_AGE_STEP_S = 10

Listener = Callable[[View, View], None]


@dataclass(frozen=True)
class Live:
    """What no store knows: the recorder's present word, the disk, and faults of the manager itself."""

    report: RunReport | None = None
    disk: DiskFacts | None = None
    recorder_fault: str = ""
    recorder_problems: tuple[Problem, ...] = ()
    last_error: str = ""
    fault: str = ""
    starting: bool = True


class Projector:
    """Keeps the view true; its methods may be called from any thread, listeners are called in order."""

    def __init__(self, instrument: Instrument, store: Store, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._instrument = instrument
        self._store = store
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._live = Live()
        self._parsed: tuple[dict[str, Any], RunReport] | None = None
        self._view = View(instrument.name, instrument.data_root, started=utc_now())

    @property
    def view(self) -> View:
        """The present view; never blocks."""
        return self._view

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(old, new)` at each change of the view."""
        with self._lock:
            self._listeners.append(listener)

    def load(self) -> None:
        """Read everything: at start, and whenever events may have been missed."""
        with self._lock, self._store.snapshot() as reads:
            self._publish(whole_view(reads, self._view))

    def follow(self) -> None:
        """Read what the events since the last time have touched."""
        with self._lock, self._store.snapshot() as reads:
            if self._live.fault:
                self._live = replace(self._live, fault="")
            events = reads.events(after=self._view.event_count, limit=_PAGE)
            if len(events) == _PAGE:
                self._publish(whole_view(reads, self._view))
            elif events:
                self._publish(advanced_view(reads, self._view, events))

    def live(self, **changes: object) -> None:
        """Take over facts that change without a transaction (fields of `Live`)."""
        with self._lock:
            self._live = replace(self._live, **changes)  # pyright: ignore[reportArgumentType]
            self._publish(self._view)

    def _publish(self, view: View) -> None:
        live = self._live
        report = live.report if _is_about(live.report, view) else self._stored_report(view)
        age = self._age(view)
        facts = Facts(
            view.run,
            report,
            live.disk,
            session_id=view.session.id if view.session else None,
            recorder_fault=live.recorder_fault,
            recorder_problems=live.recorder_problems,
            ingest_parked=view.ingest_parked,
            parked_first=view.parked_first,
            ingest_oldest=view.ingest_oldest,
            ingest_age_s=age,
            failed_hooks=view.failed_hooks,
        )
        found = alarms(self._instrument, facts)
        state = device_state(
            facts, found, session_open=view.session is not None, fault=live.fault, starting=live.starting
        )
        view = replace(view, report=report, disk=live.disk, alarms=found, state=state, last_error=live.last_error)
        catalogue = view.catalogue_state if self._instrument.has_catalogue else CatalogueState.NONE
        view = replace(view, ingest_age_s=age, catalogue_state=catalogue)
        view = replace(view, status=_status(view, live.fault))
        if view == self._view:
            return
        old, self._view = self._view, view
        for listener in self._listeners:
            try:
                listener(old, view)
            except Exception:
                _log.exception("a listener of the view failed")

    def _age(self, view: View) -> int:
        """Seconds since which the oldest ingest on its way is due; in steps, so that it is not pushed all the time."""
        oldest = view.ingest_oldest
        if oldest is None:
            return 0
        seconds = (self._clock() - (oldest.due or oldest.updated)).total_seconds()
        return max(0, int(seconds // _AGE_STEP_S) * _AGE_STEP_S)

    def _stored_report(self, view: View) -> RunReport | None:
        """The last word of an ended run, parsed once."""
        run = view.run
        if run is None or not run.report:
            return None
        if self._parsed is None or self._parsed[0] is not run.report:
            self._parsed = (run.report, RunReport.model_validate(run.report))
        return self._parsed[1]


def _is_about(report: RunReport | None, view: View) -> bool:
    run = view.run
    return (
        report is not None
        and run is not None
        and (report.key.session_id, report.key.run_number) == (run.session_id, run.number)
        and run.state.is_live
    )


def _status(view: View, fault: str) -> str:
    if fault:
        return fault
    if view.state is DeviceState.INIT:
        return "Starting: the recorder is asked about a live run."
    session = view.session
    parts = [
        "No session is open." if session is None else f"Session {session.id} '{session.name}' is {session.state.value}."
    ]
    if view.replaced:
        parts.append(view.replaced)
    if view.run is not None and (view.run.state.is_live or (session and view.run.session_id == session.id)):
        parts.append(f"Run {view.run.number} is {view.run.state.value}.")
    parts += [alarm.sentence for alarm in view.alarms]
    return " ".join(parts)
