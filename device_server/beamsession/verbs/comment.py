"""Comments: what people want to keep with the session, in the event log."""

from __future__ import annotations

from beamsession.model import names
from beamsession.model.permissions import Action
from beamsession.model.situation import Command
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE, tango="Comment")
def comment_add(ctx: Context, *, text: str) -> int:
    """Keep a comment with the open session (and its open run); return its sequence number in the event log."""
    text = names.comment(text)
    with ctx.change() as change:
        session = ctx.permit(change.open_session(Command.COMMENT))
        number = change.own_run.number if change.own_run else None
        return change.reply(change.tx.event("comment_added", session_id=session.id, run_number=number, text=text).seq)
