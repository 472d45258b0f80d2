"""Ingests: how far completed sessions are on their way to the catalogue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from beamsession.catalogue.ingestor import words_of
from beamsession.catalogue.overlay import check_overlay
from beamsession.model.complaint import Complaint
from beamsession.model.errors import NotFoundError, RefusedError, WrongStateError
from beamsession.model.ingest import asked_for, reported
from beamsession.model.metadata import check_metadata
from beamsession.model.names import shortened
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.session import Ingest, datasets_from_json
from beamsession.model.states import IngestState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Change, Context
from beamsession.verbs.registry import verb

_MAX_PAGE = 1000
_MAX_HISTORY = 200
_ON_THE_WAY = (IngestState.PENDING, IngestState.RUNNING)


@verb(Action.READ, Place.STORE)
def ingest_list(
    ctx: Context,
    *,
    states: list[IngestState] | None = None,
    limit: int = 1000,
    before: int | None = None,
    code: str | None = None,
) -> list[dict[str, Any]]:
    """List ingests by states and reason code, the newest sessions first; `before` continues after that session."""
    count = max(1, min(limit, _MAX_PAGE))
    wanted = tuple(states or ())
    found = ctx.store.ingests(instrument=ctx.instrument.name, states=wanted, limit=count, before=before, code=code)
    return [plain(item) for item in found]


@verb(Action.READ, Place.STORE)
def ingest_show(ctx: Context, *, session: int) -> dict[str, Any]:
    """Show how far a session is on its way to the catalogue: the steps so far, and what is wrong and can be done.

    With it the page of its dataset, and the newest events about it, oldest first.
    """
    found = ctx.store.ingest(ctx.session(session).id)
    if found is None:
        raise never_asked_for(session)
    history = [event.as_json() for event in ctx.store.ingest_events(found.session_id, _MAX_HISTORY)]
    output = next(
        (str(event["payload"]["output"]) for event in reversed(history) if event["payload"].get("output")), ""
    )
    return {**plain(found), "output": output, "dataset_link": ctx.instrument.link_of(found.pid), "history": history}


@verb(Action.READ, Place.STORE, tango="IngestStatus")
def ingest_status(ctx: Context) -> dict[str, Any]:
    """Show how the way to the catalogue stands: ingests by state, the oldest that is not done, who can be reached.

    Ages are in seconds since the ingest was due; `archived_per_hour` is the mean over the last day.
    """
    now, name = ctx.clock(), ctx.instrument.name
    counts = ctx.store.ingest_counts(name)
    oldest = ctx.store.oldest_ingest(name, (*_ON_THE_WAY, IngestState.PARKED))
    pending = ctx.store.oldest_ingest(name, _ON_THE_WAY)
    last_day = ctx.store.count_archived(name, now - timedelta(days=1))
    return {
        "configured": ctx.instrument.has_catalogue,
        "counts": {state.value: count for state, count in counts.items()},
        "oldest_session": oldest.session_id if oldest else None,
        "oldest_age_s": _age(oldest, now),
        "oldest_pending_session": pending.session_id if pending else None,
        "oldest_pending_age_s": _age(pending, now),
        "archived_last_hour": ctx.store.count_archived(name, now - timedelta(hours=1)),
        "archived_per_hour": round(last_day / 24, 3),
        "parked_codes": _parked_codes(ctx),
        "catalogues": [plain(item) for item in ctx.store.catalogues(name)],
    }


@verb(Action.EDIT, Place.DEVICE)
def ingest_request(
    ctx: Context, *, session: int, overlay: dict[str, Any] | None = None, parameters: str | None = None
) -> None:
    """Send a completed session to the catalogue now, or try a parked one again.

    `overlay` is laid over the session's metadata in the one document that is sent, and is not kept in the session;
    without one that of the request before counts, an empty one takes it back.
    `parameters` are an external ingestor's options for this one call, in place of the configured ones.
    """
    check_overlay(check_metadata(overlay or {}))
    if parameters is not None:
        _check_parameters(ctx, parameters)
    ctx.session(session)
    require_catalogue(ctx)
    with ctx.change() as change:
        before = change.tx.ingest(session)
        if (overlay or parameters) and before is not None and before.may_be_stored:
            raise WrongStateError(
                f"The document of session {session} is on its way to the catalogue and cannot change any more.",
                value=session,
                remedy="Ask without an overlay and without parameters; what is in the metadata has been sent.",
            )
        ask_for(change, session, before, overlay, parameters)


def _check_parameters(ctx: Context, parameters: str) -> None:
    allowed = ctx.instrument.ingestor_options
    if allowed is None:
        raise RefusedError(
            "The catalogue is asked directly, and an external ingestor's parameters mean nothing to it.",
            code="NO_EXTERNAL_INGESTOR",
            value=shortened(parameters),
            remedy="Leave them out; what they set is in the [catalogue] table of the configuration.",
        )
    words_of(parameters, allowed)


def require_catalogue(ctx: Context) -> None:
    """Raise RefusedError NO_CATALOGUE where there is none to send anything to."""
    if ctx.instrument.has_catalogue:
        return
    raise RefusedError(
        "No catalogue is configured.",
        code="NO_CATALOGUE",
        remedy="Write a [catalogue] table into the beamline's configuration.",
    )


def never_asked_for(session: int) -> NotFoundError:
    """What to raise for a session without an ingest."""
    return NotFoundError(
        f"Session {session} was never sent to the catalogue.",
        code="INGEST_NOT_FOUND",
        value=session,
        remedy="Send it with RequestIngest once it is completed.",
    )


def ask_for(
    change: Change,
    session_id: int,
    before: Ingest | None,
    overlay: dict[str, Any] | None = None,
    parameters: str | None = None,
) -> None:
    """Have the completed session sent, or one that is on its way hurried. Raises WrongStateError."""
    found = change.tx.session(session_id)
    if found.state is not SessionState.COMPLETED:
        raise WrongStateError(
            f"Session {session_id} is {found.state.value}.",
            value=session_id,
            remedy="Only a completed session that is not yet archived can be sent to the catalogue.",
        )
    wanted = (before.overlay if before else {}) if overlay is None else overlay
    change.tx.set_ingest(asked_for(before, session_id, change.tx.now, wanted))
    chosen: dict[str, Any] = {} if parameters is None else {"parameters": parameters}
    change.tx.event("ingest_requested", session_id=session_id, overlay=wanted, **chosen)


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
    dataset: int = 0,
    datasets: list[dict[str, Any]] | None = None,
    in_doubt: bool | None = None,
    code: str = "",
    status: int = 0,
    said: str = "",
    problems: list[Complaint] | None = None,
    next_try: datetime | None = None,
    name: str = "",
    output: str = "",
) -> bool:
    """The worker says how far a session is on its way to the catalogue; False if nobody wants it there any more.

    `datasets` are all that it will become there, in the order of sending (pid, run, files, bytes, state); without them
    those told before count. `dataset` is the number of the one being sent, from 1: those before it are stored.
    `in_doubt`: a request to create a dataset may have been obeyed; left out: as before. `name` is the dataset's,
    `output` what an external ingestor printed at last.
    """
    session = ctx.session(session).id
    with ctx.change() as change:
        before = change.tx.ingest(session)
        is_cancelled = before is not None and before.state is IngestState.CANCELLED
        if is_cancelled or change.tx.session(session).state is not SessionState.COMPLETED:
            return change.reply(False)
        told: dict[str, Any] = {"step": step, "detail": detail, "pid": pid, "attempts": attempts}
        told["dataset"] = dataset
        if datasets is not None:
            told["datasets"] = plain(datasets_from_json(datasets))
        if in_doubt is not None:
            told["in_doubt"] = in_doubt
        further = {"code": code, "status": status, "said": said, "problems": plain(problems or ())}
        further |= {"name": name, "output": output}
        told |= {key: value for key, value in further.items() if value}
        if next_try is not None:
            told["next_try"] = plain(next_try)
        change.tx.set_ingest(reported(before, session, change.tx.now, state, told))
        change.tx.event(f"ingest_{state.value}", session_id=session, **told)
        return change.reply(True)


def _age(ingest: Ingest | None, now: datetime) -> float:
    return round(max(0.0, (now - (ingest.due or ingest.updated)).total_seconds()), 3) if ingest else 0.0


def _parked_codes(ctx: Context) -> dict[str, int]:
    return ctx.store.parked_codes(ctx.instrument.name)
