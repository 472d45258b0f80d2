"""Ingests: how far completed sessions are on their way to the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from beamsession.catalogue.overlay import check_overlay
from beamsession.model.errors import NotFoundError, RefusedError, WrongStateError
from beamsession.model.metadata import check_metadata
from beamsession.model.names import shortened
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.session import Ingest, comes_after_dataset
from beamsession.model.states import IngestState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb

_MAX_PAGE = 1000


@verb(Action.READ, Place.STORE)
def ingest_list(
    ctx: Context, *, states: list[IngestState] | None = None, limit: int = 1000, before: int | None = None
) -> list[dict[str, Any]]:
    """List ingests by states, those of the newest sessions first; `before` continues after that session."""
    count = max(1, min(limit, _MAX_PAGE))
    wanted = tuple(states or ())
    found = ctx.store.ingests(instrument=ctx.instrument.name, states=wanted, limit=count, before=before)
    return [plain(item) for item in found]


@verb(Action.READ, Place.STORE)
def ingest_show(ctx: Context, *, session: int) -> dict[str, Any]:
    """Show how far a session is on its way to the catalogue."""
    found = ctx.store.ingest(ctx.session(session).id)
    if found is None:
        raise NotFoundError(
            f"Session {session} was never sent to the catalogue.",
            code="INGEST_NOT_FOUND",
            value=session,
            remedy="Send it with RequestIngest once it is completed.",
        )
    return plain(found)


@verb(Action.EDIT, Place.DEVICE)
def ingest_request(
    ctx: Context, *, session: int, overlay: dict[str, Any] | None = None, parameters: str | None = None
) -> None:
    """Send a completed session to the catalogue now, or try a parked one again.

    `overlay` is laid over the session's metadata in the one document that is sent, and is not kept in the session;
    without one that of the request before counts, an empty one takes it back.
    `parameters` are those of an external ingestor.
    """
    check_overlay(check_metadata(overlay or {}))
    if parameters is not None:
        raise RefusedError(
            "The catalogue is asked directly, and an external ingestor's parameters mean nothing to it.",
            code="NO_EXTERNAL_INGESTOR",
            value=shortened(parameters),
            remedy="Leave them out; what they set is in the [catalogue] table of the configuration.",
        )
    ctx.session(session)
    if not ctx.instrument.has_catalogue:
        raise RefusedError(
            "No catalogue is configured.",
            code="NO_CATALOGUE",
            remedy="Write a [catalogue] table into the beamline's configuration.",
        )
    with ctx.change() as change:
        found = change.tx.session(session)
        if found.state is not SessionState.COMPLETED:
            raise WrongStateError(
                f"Session {session} is {found.state.value}.",
                value=session,
                remedy="Only a completed session that is not yet archived can be sent to the catalogue.",
            )
        before = change.tx.ingest(session)
        if overlay and before is not None and before.may_be_stored:
            raise WrongStateError(
                f"The document of session {session} is on its way to the catalogue and cannot change any more.",
                value=session,
                remedy="Ask without an overlay; what is in the metadata has been sent.",
            )
        kept = before.overlay if before else {}
        wanted = kept if overlay is None else overlay
        if before is None or not before.is_under_way:  # else the worker is only to hurry
            asked = Ingest(session, IngestState.PENDING, change.tx.now, step="waiting", overlay=wanted)
            change.tx.set_ingest(replace(asked, has_dataset=before is not None and before.has_dataset))
        change.tx.event("ingest_requested", session_id=session, overlay=wanted)


@verb(Action.REPORT, Place.DEVICE)
def ingest_report(
    ctx: Context,
    *,
    session: int,
    state: IngestState,
    step: str = "",
    detail: str = "",
    pid: str = "",
    attempts: int = 0,
) -> None:
    """The worker says how far a session is on its way to the catalogue."""
    session = ctx.session(session).id
    with ctx.change() as change:
        if change.tx.session(session).state is not SessionState.COMPLETED:
            return
        before = change.tx.ingest(session)
        reported = Ingest(session, state, change.tx.now, pid=pid, step=step, detail=detail, attempts=attempts)
        has_dataset = comes_after_dataset(step) or (before is not None and before.has_dataset)
        overlay = before.overlay if before else {}
        change.tx.set_ingest(replace(reported, overlay=overlay, has_dataset=has_dataset))
        kind = f"ingest_{state.value}"
        change.tx.event(kind, session_id=session, step=step, detail=detail, pid=pid, attempts=attempts)
