"""The one road from commit to push: events decide what is read again, a new view replaces the old one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from beamsession.model.alarms import Facts, alarms, device_state
from beamsession.model.clock import utc_now
from beamsession.model.event import Event
from beamsession.model.instrument import Instrument
from beamsession.model.report import DiskFacts, RunReport
from beamsession.model.session import Session
from beamsession.model.states import DeviceState, IngestState
from beamsession.model.view import View
from beamsession.store import Store
from beamsession.verbs.context import shown_run

_log = logging.getLogger(__name__)
_PAGE = 1000
_NEWEST_IDS = 1000
_WAITING = (IngestState.PENDING, IngestState.RUNNING, IngestState.PARKED)

Listener = Callable[[View, View], None]


@dataclass(frozen=True)
class Live:
    """What no store knows: the recorder's present word, the disk, and faults of the manager itself."""

    report: RunReport | None = None
    disk: DiskFacts | None = None
    recorder_fault: str = ""
    last_error: str = ""
    fault: str = ""
    starting: bool = True


class _Part(Enum):
    """The parts of a view that are read from the store one by one."""

    SESSION = auto()
    RUN = auto()
    RUN_COUNT = auto()
    COMPLETED = auto()
    IDS = auto()
    INGEST = auto()


_ALL = frozenset(_Part)
_TOUCHED = {
    "comment_added": frozenset[_Part](),
    "file_added": frozenset[_Part](),
    "metadata_changed": frozenset({_Part.SESSION, _Part.COMPLETED}),
    "session_paused": frozenset({_Part.SESSION, _Part.RUN}),
    "session_resumed": frozenset({_Part.SESSION, _Part.RUN}),
    "alarm_acknowledged": frozenset({_Part.RUN}),
}
_TOUCHED_BY_NOUN = {"run": frozenset({_Part.SESSION, _Part.RUN, _Part.RUN_COUNT}), "ingest": frozenset({_Part.INGEST})}


def _touched(kind: str) -> frozenset[_Part]:
    """What an event of this kind may have changed; everything, where nobody said less."""
    by_noun = _TOUCHED_BY_NOUN.get(kind.partition("_")[0], _ALL)
    return _TOUCHED.get(kind, by_noun)


class Projector:
    """Keeps the view true; its methods may be called from any thread, listeners are called in order."""

    def __init__(self, instrument: Instrument, store: Store) -> None:
        self._instrument = instrument
        self._store = store
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._live = Live()
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
        with self._lock:
            store, name = self._store, self._instrument.name
            seq, _ = store.head()
            view = replace(
                self._view,
                event_count=seq,
                last_event=store.last_event(name),
                session_ids=tuple(store.session_ids(name, _NEWEST_IDS)),
                last_completed=store.last_completed(name),
                run=shown_run(store, name),
            )
            self._publish(self._with_ingest(self._with_run_count(self._with_session(view))))

    def follow(self) -> None:
        """Read what the events since the last time have touched."""
        with self._lock:
            events = self._store.events(after=self._view.event_count, limit=_PAGE)
            if self._live.fault:
                self._live = replace(self._live, fault="")
            if len(events) == _PAGE:
                self.load()
            elif events:
                self._publish(self._advance(events))

    def live(self, **changes: object) -> None:
        """Take over facts that change without a transaction (fields of `Live`)."""
        with self._lock:
            self._live = replace(self._live, **changes)  # pyright: ignore[reportArgumentType]
            self._publish(self._view)

    def _advance(self, events: list[Event]) -> View:
        own = [event for event in events if event.instrument == self._instrument.name]
        view = replace(self._view, event_count=events[-1].seq, last_event=own[-1] if own else self._view.last_event)
        touched = {part for event in own for part in _touched(event.kind)}
        if _Part.IDS in touched:
            new = [event.session_id for event in own if event.kind == "session_started" and event.session_id]
            view = replace(view, session_ids=(*reversed(new), *view.session_ids)[:_NEWEST_IDS])
        if _Part.COMPLETED in touched:
            view = replace(view, last_completed=self._store.last_completed(self._instrument.name))
        if _Part.SESSION in touched:
            view = self._with_session(view)
        if _Part.RUN in touched:
            view = replace(view, run=shown_run(self._store, self._instrument.name))
        if _Part.RUN_COUNT in touched:
            view = self._with_run_count(view)
        return self._with_ingest(view) if _Part.INGEST in touched else view

    def _with_session(self, view: View) -> View:
        session = self._shown_session()
        return replace(view, session=session, metadata=session.metadata if session else {})

    def _shown_session(self) -> Session | None:
        name = self._instrument.name
        opened = self._store.open_session(name)
        if opened is not None:
            return opened
        completing = self._store.completing_sessions(name)
        return completing[-1] if completing else None

    def _with_run_count(self, view: View) -> View:
        return replace(view, run_count=self._store.run_count(view.session.id) if view.session else 0)

    def _with_ingest(self, view: View) -> View:
        counts = self._store.ingest_counts(self._instrument.name, _WAITING)
        pending = counts[IngestState.PENDING] + counts[IngestState.RUNNING]
        return replace(view, ingest_pending=pending, ingest_parked=counts[IngestState.PARKED])

    def _publish(self, view: View) -> None:
        live = self._live
        report = live.report if view.run and _is_about(live.report, view) else _stored_report(view)
        facts = Facts(view.run, report, live.disk, live.recorder_fault, view.ingest_parked)
        found = alarms(self._instrument, facts)
        state = device_state(
            facts, found, session_open=view.session is not None, fault=live.fault, starting=live.starting
        )
        view = replace(view, report=report, disk=live.disk, alarms=found, state=state, last_error=live.last_error)
        view = replace(view, status=_status(view, live.fault))
        if view == self._view:
            return
        old, self._view = self._view, view
        for listener in self._listeners:
            try:
                listener(old, view)
            except Exception:
                _log.exception("a listener of the view failed")


def _is_about(report: RunReport | None, view: View) -> bool:
    run = view.run
    return (
        report is not None
        and run is not None
        and (report.key.session_id, report.key.run_number) == (run.session_id, run.number)
        and run.state.is_live
    )


def _stored_report(view: View) -> RunReport | None:
    if view.run is None or not view.run.report:
        return None
    return RunReport.model_validate(view.run.report)


def _status(view: View, fault: str) -> str:
    if fault:
        return fault
    if view.state is DeviceState.INIT:
        return "Starting: the recorder is asked about a live run."
    session = view.session
    parts = [
        "No session is open." if session is None else f"Session {session.id} '{session.name}' is {session.state.value}."
    ]
    if view.run is not None and (view.run.state.is_live or (session and view.run.session_id == session.id)):
        parts.append(f"Run {view.run.number} is {view.run.state.value}.")
    parts += [alarm.sentence for alarm in view.alarms]
    return " ".join(parts)
