"""What events tell of a session's way to the catalogue."""

from __future__ import annotations

from dataclasses import replace

from beamsession.archive.session_folder import RESTARTED
from beamsession.model.event import Event
from beamsession.model.session import Ingest, comes_after_dataset
from beamsession.model.states import IngestState

_REQUESTED = "ingest_requested"
_ARCHIVED = "session_archived"
_REPORTS = {f"ingest_{state.value}": state for state in IngestState}


def changed_ingest(known: Ingest | None, event: Event) -> Ingest | None:
    """The ingest of the event's session after `event`; the same where that says nothing of it."""
    if event.payload.get("ingest") == IngestState.PENDING:  # it was completed, and is to go there by itself
        return _waiting(event)
    if event.kind == _REQUESTED:
        return _requested(known, event)
    if event.kind == _ARCHIVED:
        return _archived(known, event)
    if event.kind in _REPORTS:
        return _reported(known, event)
    if event.kind == RESTARTED and known is not None:
        return known.called_off(event.time)
    return known


def _waiting(event: Event) -> Ingest:
    return Ingest(event.session_id or 0, IngestState.PENDING, event.time, step="waiting")


def _requested(known: Ingest | None, event: Event) -> Ingest:
    if known is not None and known.is_under_way:
        return known  # the worker was told to hurry, nothing else
    has_dataset = known is not None and known.has_dataset
    return replace(_waiting(event), overlay=dict(event.payload.get("overlay", {})), has_dataset=has_dataset)


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
    )


def _reported(known: Ingest | None, event: Event) -> Ingest:
    told = event.payload
    step = str(told.get("step", ""))
    return Ingest(
        session_id=event.session_id or 0,
        state=_REPORTS[event.kind],
        updated=event.time,
        pid=str(told.get("pid", "")),
        step=step,
        detail=str(told.get("detail", "")),
        attempts=int(told.get("attempts", known.attempts if known else 0)),
        overlay=known.overlay if known else {},
        has_dataset=comes_after_dataset(step) or (known is not None and known.has_dataset),
    )
