"""Files that belong to a session beside its runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from beamsession.model.clock import to_text
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.report import FileFacts
from beamsession.model.session import AddedFile, Session
from beamsession.model.situation import Command
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.editing import require_editable, session_to_edit
from beamsession.verbs.path import existing_path, folder_of, normal_path, require_no_sessions_in
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE)
def file_add(ctx: Context, *, path: str, session: int = 0) -> bool:
    """Add a file or folder to a session (0: the open one); False if it was added before.

    The path is one of the server's host, absolute or relative to the session's folder, and must exist inside the
    data root or an allowed root.
    """
    found = session_to_edit(ctx, session, Command.ADD_FILE)
    facts = existing_path(ctx, folder_of(ctx, found), path)
    if facts.is_folder:
        require_no_sessions_in(ctx, facts.path)
    if ctx.store.file(found.id, str(facts.path)) is not None:
        return False
    with ctx.change() as change:
        found = require_editable(change, found)
        added = added_file(found, facts, change.tx.now)
        change.tx.add_file(added)
        change.tx.event("file_added", session_id=found.id, **file_told(added))
        return change.reply(True)


@verb(Action.EDIT, Place.DEVICE)
def file_remove(ctx: Context, *, path: str, session: int = 0) -> bool:
    """Take an added file or folder off a session (0: the open one) again; the file itself stays.

    False if it was not added. The path need not exist any more.
    """
    found = session_to_edit(ctx, session, Command.ADD_FILE)
    wanted = str(normal_path(ctx, folder_of(ctx, found), path))
    with ctx.change() as change:
        found = require_editable(change, found)
        if change.tx.file(found.id, wanted) is None:
            return change.reply(False)
        change.tx.remove_file(found.id, wanted)
        change.tx.event("file_removed", session_id=found.id, path=wanted)
        return change.reply(True)


@verb(Action.READ, Place.STORE)
def file_list(ctx: Context, *, session: int = 0) -> list[dict[str, Any]]:
    """List the files added to a session (0: the open one) in the order they were added."""
    return [plain(file) for file in ctx.store.files(ctx.session(session).id)]


def added_file(session: Session, facts: FileFacts, now: datetime) -> AddedFile:
    """What is found on the server's host as a file of the session, added now."""
    modified = facts.modified or now
    return AddedFile(session.id, str(facts.path), now, facts.size, modified, is_folder=facts.is_folder)


def file_told(file: AddedFile) -> dict[str, Any]:
    """What an event says of an added file."""
    modified = to_text(file.modified)
    return {"path": file.path, "size": file.size, "modified": modified, "is_folder": file.is_folder}
