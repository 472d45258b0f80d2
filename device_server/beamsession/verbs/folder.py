"""The folder of a session that is in the making, and what its event tells besides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from beamsession.model.clock import to_text
from beamsession.model.paths import session_folder
from beamsession.model.session import Session
from beamsession.verbs.context import Context


def folder_template(ctx: Context, *, name: str, proposal: str) -> Callable[[int, datetime], str]:
    """What makes the folder, relative to the data root, of the session's id and start."""

    def folder(session_id: int, start: datetime) -> str:
        return session_folder(
            ctx.instrument.folder_template,
            session_id=session_id,
            name=name,
            proposal=proposal,
            instrument=ctx.instrument.name,
            start=start,
        )

    return folder


def told(session: Session) -> dict[str, Any]:
    """What the event says of a session that was not started here and now."""
    start, stop = to_text(session.start), to_text(session.stop or session.start)
    return {"user": session.user, "source": session.source, "start": start, "stop": stop}
