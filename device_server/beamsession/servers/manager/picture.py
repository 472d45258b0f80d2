"""From the store to a view: everything at start, later only what the new events may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto

from beamsession.model.catalogue_standing import CatalogueStanding, CatalogueState
from beamsession.model.event import Event
from beamsession.model.job import JobKind
from beamsession.model.session import Session
from beamsession.model.states import IngestState
from beamsession.model.view import View
from beamsession.store import Reads
from beamsession.verbs.context import shown_run

_NEWEST_IDS = 1000
_FIRST_EVENTS = 100
_ON_THE_WAY = (IngestState.PENDING, IngestState.RUNNING)
_WAITING = (*_ON_THE_WAY, IngestState.PARKED)


class _Part(Enum):
    """The parts of a view that are read from the store one by one."""

    SESSION = auto()
    OPENING = auto()
    RUN = auto()
    RUN_COUNT = auto()
    COMPLETED = auto()
    INGEST = auto()
    HOOKS = auto()
    CATALOGUE = auto()


_ALL = frozenset(_Part)
_NOTHING: frozenset[_Part] = frozenset()
_TOUCHED = {
    "comment_added": _NOTHING,
    "file_added": _NOTHING,
    "file_removed": _NOTHING,
    "job_requested": _NOTHING,
    "job_running": _NOTHING,
    "job_progress": _NOTHING,
    "job_cancel_asked": _NOTHING,
    "hooks_acknowledged": frozenset({_Part.HOOKS}),
    "metadata_changed": frozenset({_Part.SESSION, _Part.COMPLETED}),
    "session_paused": frozenset({_Part.SESSION}),
    "session_resumed": frozenset({_Part.SESSION}),
    "alarm_acknowledged": frozenset({_Part.RUN}),
}
_TOUCHED_BY_NOUN = {
    "run": frozenset({_Part.SESSION, _Part.RUN, _Part.RUN_COUNT}),
    "ingest": frozenset({_Part.INGEST}),
    "job": frozenset({_Part.HOOKS}),
    "catalogue": frozenset({_Part.CATALOGUE}),
}
_OPENS_A_SESSION = ("session_started", "session_restarted")
_MAKES_A_SESSION = ("session_started", "session_created", "session_detached", "session_imported")


def _touched(event: Event) -> frozenset[_Part]:
    """What this event may have changed; everything, where nobody said less."""
    by_noun = _TOUCHED_BY_NOUN.get(event.kind.partition("_")[0], _ALL)
    parts = _TOUCHED.get(event.kind, by_noun)
    return parts if event.run_number is None else parts | {_Part.RUN}


def whole_view(reads: Reads, view: View) -> View:
    """`view` with everything the store knows of its instrument."""
    name = view.instrument
    seq, _ = reads.head()
    ids = tuple(reads.session_ids(name, _NEWEST_IDS))
    view = replace(view, event_count=seq, last_event=reads.last_event(name), session_ids=ids)
    return _read_again(reads, view, _ALL)


def advanced_view(reads: Reads, view: View, events: Sequence[Event]) -> View:
    """`view` with what these events, the next after its own, may have changed."""
    own = [event for event in events if event.instrument == view.instrument]
    new = [event.session_id for event in own if event.kind in _MAKES_A_SESSION and event.session_id]
    view = replace(
        view,
        event_count=events[-1].seq,
        last_event=own[-1] if own else view.last_event,
        session_ids=(*reversed(new), *view.session_ids)[:_NEWEST_IDS],
    )
    return _read_again(reads, view, _NOTHING.union(*map(_touched, own)))


def _read_again(reads: Reads, view: View, parts: frozenset[_Part]) -> View:
    name = view.instrument
    if _Part.COMPLETED in parts:
        view = replace(view, last_completed=reads.last_completed(name))
    if _Part.SESSION in parts:
        session = _shown_session(reads, name)
        if _Part.OPENING in parts or _id(session) != _id(view.session):
            view = replace(view, replaced=_replaced(reads, session))
        view = replace(view, session=session, replaced="" if session and session.last_run_number else view.replaced)
    if _Part.RUN in parts:
        view = replace(view, run=shown_run(reads, name))
    if _Part.RUN_COUNT in parts:
        view = replace(view, run_count=view.session.run_count if view.session else 0)
    if _Part.INGEST in parts:
        counts = reads.ingest_counts(name, _WAITING)
        waiting = counts[IngestState.PENDING] + counts[IngestState.RUNNING]
        view = replace(
            view,
            ingest_pending=waiting,
            ingest_parked=counts[IngestState.PARKED],
            ingest_oldest=reads.oldest_ingest(name, _ON_THE_WAY) if waiting else None,
            parked_first=reads.oldest_ingest(name, (IngestState.PARKED,)) if counts[IngestState.PARKED] else None,
        )
    if _Part.CATALOGUE in parts:
        view = replace(view, catalogue_state=_worst(reads.catalogues(name)))
    if _Part.INGEST in parts or _Part.COMPLETED in parts:
        last = view.last_completed
        view = replace(view, last_ingest=reads.ingest(last.id) if last else None)
    if _Part.HOOKS in parts:
        view = replace(view, failed_hooks=tuple(reads.unseen_failures(name, JobKind.HOOK)))
    return view


def _worst(standings: Sequence[CatalogueStanding]) -> CatalogueState:
    """Of several catalogues the one that cannot be reached counts."""
    states = {item.state for item in standings}
    order = (CatalogueState.UNREACHABLE, CatalogueState.REACHABLE)
    return next((state for state in order if state in states), CatalogueState.UNKNOWN)


def _shown_session(reads: Reads, instrument: str) -> Session | None:
    opened = reads.open_session(instrument)
    if opened is not None:
        return opened
    completing = reads.completing_sessions(instrument)
    return completing[-1] if completing else None


def _id(session: Session | None) -> int | None:
    return session.id if session else None


def _replaced(reads: Reads, session: Session | None) -> str:
    """What became of the session before, by the newest event that opened this one; of no interest once it has a run."""
    if session is None or session.last_run_number:
        return ""
    events = reads.events(session_id=session.id, limit=_FIRST_EVENTS)
    openings = [event for event in events if event.kind in _OPENS_A_SESSION]
    return (openings[-1].payload.get("previous") or {}).get("sentence", "") if openings else ""
