"""What events tell of a session's way to the catalogue."""

from __future__ import annotations

from beamsession.archive.session_folder import RESTARTED
from beamsession.model.clock import from_text
from beamsession.model.event import Event
from beamsession.model.ingest import asked_for, reported, waiting
from beamsession.model.session import Ingest, reached
from beamsession.model.states import IngestState

_REQUESTED = "ingest_requested"
_CANCELLED = "ingest_cancelled"
_ARCHIVED = "session_archived"
_REPORTS = {f"ingest_{state.value}": state for state in IngestState}


def changed_ingest(known: Ingest | None, event: Event) -> Ingest | None:
    """The ingest of the event's session after `event`; the same where that says nothing of it."""
    session_id, told = event.session_id or 0, event.payload
    if told.get("ingest") == IngestState.PENDING:  # it was completed, and is to go there by itself
        return waiting(session_id, event.time, from_text(told["due"]) if "due" in told else None)
    if event.kind == _REQUESTED:
        return asked_for(known, session_id, event.time, dict(told.get("overlay", {})))
    if event.kind == _ARCHIVED:
        return _archived(known, event)
    if event.kind == _CANCELLED and known is not None:
        return known.ended_as_cancelled(event.time, str(told.get("detail", "")))
    if event.kind in _REPORTS:
        return reported(known, session_id, event.time, _REPORTS[event.kind], told)
    if event.kind == RESTARTED and known is not None:
        return known.called_off(event.time)
    return known


def _archived(known: Ingest | None, event: Event) -> Ingest:
    return Ingest(
        session_id=event.session_id or 0,
        state=IngestState.DONE,
        updated=event.time,
        pid=str(event.payload.get("pid", "")),
        step="done",
        overlay=known.overlay if known else {},
        dataset_name=str(event.payload.get("name", "")),
        has_dataset=True,
        datasets=reached(known.datasets, len(known.datasets) + 1) if known else (),
    )
