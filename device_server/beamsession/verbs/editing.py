"""When a session may be changed after its measurement: everything before the catalogue has it."""

from __future__ import annotations

from beamsession.model.errors import WrongStateError
from beamsession.model.session import Session
from beamsession.model.situation import Command
from beamsession.verbs.context import Change, Context


def session_to_edit(ctx: Context, session_id: int, command: Command) -> Session:
    """The session named, or for 0 the open one if `command` is allowed now; the caller must be permitted."""
    if session_id:
        return ctx.session(session_id)
    return ctx.permit(ctx.standing().open_session(command))


def require_editable(change: Change, session: Session) -> Session:
    """`session` as it is now, if metadata, files and runs may change. Raises WrongStateError."""
    found = change.tx.session(session.id)
    if not found.state.is_editable:
        raise WrongStateError(
            f"Session {found.id} is {found.state.value}; what is in it is final.",
            value=found.id,
            remedy="Only sessions that are open or completed can be changed; the title may change always.",
        )
    ingest = change.tx.ingest(found.id)
    if ingest is not None and ingest.may_be_stored:
        raise WrongStateError(
            f"Session {found.id} is on its way to the catalogue, which may have a part of it.",
            value=found.id,
            remedy="Wait until it is archived; what is changed now would not arrive.",
        )
    return found
