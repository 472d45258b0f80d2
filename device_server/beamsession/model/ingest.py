"""How an ingest changes by what is asked for and what the worker reports; the same for the store and for its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from beamsession.model.clock import from_text
from beamsession.model.complaint import Complaint, Weight
from beamsession.model.session import Ingest, comes_after_dataset, datasets_from_json, reached
from beamsession.model.states import IngestState

_WAITED_FOR = (IngestState.PENDING, IngestState.RUNNING, IngestState.PARKED)


def waiting(session_id: int, at: datetime, due: datetime | None = None) -> Ingest:
    """The ingest of a session that was completed `at`, and is to go by itself once it is `due`."""
    return Ingest(session_id, IngestState.PENDING, at, step="waiting", due=due or at)


def asked_for(known: Ingest | None, session_id: int, at: datetime, overlay: dict[str, Any]) -> Ingest:
    """The ingest after somebody asked for it `at`; one that is under way is only to hurry and stays as it is."""
    if known is None:
        return replace(waiting(session_id, at), overlay=overlay)
    if known.is_under_way:
        return known
    since = known.due if known.state in _WAITED_FOR and known.due else at
    asked = waiting(session_id, at, min(since, at))
    return replace(asked, overlay=overlay, has_dataset=known.has_dataset, in_doubt=known.in_doubt)


def reported(
    known: Ingest | None, session_id: int, at: datetime, state: IngestState, told: Mapping[str, Any]
) -> Ingest:
    """The ingest after a report of the worker; `told` is the report as its event has it."""
    step = str(told.get("step", ""))
    next_try = told.get("next_try")
    before = known.datasets if known else ()
    datasets = datasets_from_json(told["datasets"]) if "datasets" in told else before
    return Ingest(
        session_id=session_id,
        state=state,
        updated=at,
        pid=str(told.get("pid", "")),
        step=step,
        detail=str(told.get("detail", "")),
        attempts=int(told.get("attempts", known.attempts if known else 0)),
        overlay=known.overlay if known else {},
        dataset_name=str(told.get("name", "")),
        has_dataset=comes_after_dataset(step) or (known is not None and known.has_dataset),
        datasets=reached(datasets, int(told.get("dataset", 0))),
        in_doubt=bool(told.get("in_doubt", known is not None and known.in_doubt)),
        due=known.due if known else None,
        code=str(told.get("code", "")),
        status=int(told.get("status", 0)),
        said=str(told.get("said", "")),
        problems=complaints(told.get("problems", ())),
        next_try=from_text(str(next_try)) if next_try else None,
    )


def complaints(told: object) -> tuple[Complaint, ...]:
    """Complaints from their plain form."""
    items = cast("list[dict[str, Any]]", told or [])
    return tuple(
        Complaint(
            field=str(item.get("field", "")),
            said=str(item.get("said", "")),
            setting=str(item.get("setting", "")),
            remedy=str(item.get("remedy", "")),
            severity=Weight(item.get("severity", Weight.ERROR)),
        )
        for item in items
    )
