"""Files that belong to a session beside its runs."""

from __future__ import annotations

from typing import Any

from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.session import AddedFile
from beamsession.model.situation import Command
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.path import existing_path
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE)
def file_add(ctx: Context, *, path: str) -> bool:
    """Add a file or folder to the open session; False if it was added before.

    The path is one of the server's host, absolute or relative to the session's folder, and must exist inside the
    data root or an allowed root.
    """
    session = ctx.permit(ctx.standing().open_session(Command.ADD_FILE))
    facts = existing_path(ctx, session, path)
    if any(file.path == str(facts.path) for file in ctx.store.files(session.id)):
        return False
    with ctx.change() as change:
        session = change.open_session(Command.ADD_FILE)
        change.tx.add_file(
            AddedFile(
                session_id=session.id,
                path=str(facts.path),
                added=change.tx.now,
                size=facts.size,
                modified=facts.modified or change.tx.now,
                is_folder=facts.is_folder,
            )
        )
        change.tx.event("file_added", session_id=session.id, path=str(facts.path), size=facts.size)
        return change.reply(True)


@verb(Action.READ, Place.STORE)
def file_list(ctx: Context, *, session: int = 0) -> list[dict[str, Any]]:
    """List the files added to a session (0: the open one) in the order they were added."""
    return [plain(file) for file in ctx.store.files(ctx.session(session).id)]
