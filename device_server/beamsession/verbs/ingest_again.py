"""What a person can do about an ingest that does not go on: have it tried again, or give it up."""

from __future__ import annotations

from beamsession.model.errors import InvalidInputError, RefusedError, WrongStateError
from beamsession.model.names import shortened
from beamsession.model.permissions import Action, permit
from beamsession.model.session import Ingest
from beamsession.model.states import IngestState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.ingest import ask_for, never_asked_for, require_catalogue
from beamsession.verbs.registry import verb
from beamsession.verbs.session import archive

_MOST_AT_ONCE = 1000
_MAX_PID = 200


@verb(Action.EDIT, Place.DEVICE)
def ingest_retry(ctx: Context, *, session: int | None = None, code: str | None = None) -> list[int]:
    """Try the ingest of a session again now, or of all that are parked (by reason `code`); return the sessions.

    It goes on where it was: what the catalogue has is not sent twice, and checksums are not taken twice. One that
    waits for its next try does not wait any longer. All at once is for the staff; 1000 are taken at a time.
    """
    require_catalogue(ctx)
    if session is None:
        return _retry_all(ctx, code)
    found = ctx.session(session)
    with ctx.change() as change:
        before = change.tx.ingest(found.id)
        if before is None:
            raise never_asked_for(found.id)
        if code is not None and before.code != code:
            return change.reply([])
        ask_for(change, found.id, before)
        return change.reply([found.id])


@verb(Action.EDIT, Place.DEVICE)
def ingest_cancel(ctx: Context, *, session: int, force: bool = False, reason: str = "") -> str:
    """Give up the ingest of a session; return what stays in the catalogue, empty if nothing can be there.

    The session stays completed and can be sent later. Where its dataset may be in the catalogue already, only staff
    can give it up, with `force`: nothing is taken out of the catalogue.
    """
    found = ctx.session(session)
    with ctx.change() as change:
        before = change.tx.ingest(found.id)
        if before is None:
            raise never_asked_for(found.id)
        state = change.tx.session(found.id).state
        if before.state is IngestState.CANCELLED:
            return change.reply("")
        if before.state is IngestState.DONE or state is not SessionState.COMPLETED:
            raise WrongStateError(
                f"Session {found.id} is {state.value}; its ingest cannot be given up any more.",
                value=found.id,
                remedy="What the catalogue has can be taken out by its administrators only.",
            )
        left = _left_behind(before)
        if left:
            _require_force(ctx, found.id, left, force)
        why = f" {reason.strip()}" if reason.strip() else ""
        detail = f"Given up by {ctx.caller.principal.name}.{why}{f' {left}' if left else ''}"
        change.tx.set_ingest(before.ended_as_cancelled(change.tx.now, detail))
        change.tx.event("ingest_cancelled", session_id=found.id, detail=detail, step=before.step, pid=before.pid)
        return change.reply(left)


@verb(Action.MANAGE, Place.DEVICE)
def ingest_settle(ctx: Context, *, session: int, pid: str) -> str:
    """Say that the catalogue has a parked session under `pid`: somebody has looked, and it is ARCHIVED; return the pid.

    Only where an external ingestor brings sessions there, which may have stored one without telling: nobody else can
    look. Where the catalogue is asked directly, RetryIngest finds what it has.
    """
    if ctx.instrument.ingestor_options is None:
        raise RefusedError(
            "The catalogue is asked directly, so nobody has to say what it has.",
            code="NO_EXTERNAL_INGESTOR",
            value=session,
            remedy="Have it tried again with RetryIngest: what is there is found.",
        )
    if not pid or len(pid) > _MAX_PID or not pid.isprintable() or any(sign.isspace() for sign in pid):
        raise InvalidInputError(
            f"'{shortened(pid)}' is no pid.",
            code="BAD_PID",
            value=shortened(pid),
            remedy="Give it as the catalogue does.",
        )
    session_id = ctx.session(session).id
    with ctx.change() as change:
        found, before = change.tx.session(session_id), change.tx.ingest(session_id)
        if found.state is SessionState.ARCHIVED and found.dataset_pid == pid:
            return change.reply(pid)
        if found.state is not SessionState.COMPLETED or before is None or before.state is not IngestState.PARKED:
            raise WrongStateError(
                f"Session {session_id} is {found.state.value}, and its ingest is not parked.",
                value=session_id,
                remedy="Wait until its ingest is parked or over.",
            )
        archive(ctx, change, found, pid, found.title or found.name)
        return change.reply(pid)


def _retry_all(ctx: Context, code: str | None) -> list[int]:
    permit(ctx.caller.principal, Action.MANAGE)
    with ctx.change() as change:
        parked = change.tx.ingests(
            instrument=ctx.instrument.name, states=(IngestState.PARKED,), limit=_MOST_AT_ONCE, code=code
        )
        taken = [item for item in parked if change.tx.session(item.session_id).state is SessionState.COMPLETED]
        if ctx.instrument.ingestor_options is not None:
            # An external ingestor does not look before it stores: each of these needs a look of its own.
            taken = [item for item in taken if not item.in_doubt]
        for item in taken:
            ask_for(change, item.session_id, item)
        return change.reply([item.session_id for item in taken])


def _left_behind(ingest: Ingest) -> str:
    if ingest.has_dataset:
        return f"Its dataset {ingest.pid} is in the catalogue, perhaps without all its files, and stays there."
    if ingest.in_doubt:
        return f"Its dataset {ingest.pid} may be in the catalogue, and stays there if it is."
    return ""


def _require_force(ctx: Context, session_id: int, left: str, force: bool) -> None:
    if not force:
        raise WrongStateError(
            f"The ingest of session {session_id} cannot be given up just so: {left[0].lower()}{left[1:]}",
            code="DATASET_IN_CATALOGUE",
            value=session_id,
            remedy="Let it go on with RetryIngest; or let staff force it and the catalogue's administrators see to "
            "the dataset.",
        )
    permit(ctx.caller.principal, Action.MANAGE)
