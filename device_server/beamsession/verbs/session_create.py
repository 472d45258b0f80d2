"""Sessions of what exists already: created from files; and the title, which may change at any time."""

from __future__ import annotations

from typing import Any

from beamsession.model import names
from beamsession.model.errors import InvalidInputError
from beamsession.model.permissions import Action
from beamsession.model.states import SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.file import added_file, file_told
from beamsession.verbs.folder import folder_template, told
from beamsession.verbs.path import existing_path, require_no_sessions_in, start_of_relative_paths
from beamsession.verbs.registry import verb
from beamsession.verbs.session import await_ingest

_MAX_FILES = 500  # each is looked at on the recorder's host, and the answer must come within seconds


@verb(Action.OPERATE, Place.DEVICE)
def session_create(
    ctx: Context,
    *,
    name: str,
    files: list[str],
    title: str = "",
    metadata: dict[str, Any] | None = None,
    proposal: str = "",
    root: str = "",
) -> int:
    """Create a completed session of files that exist already and return its id; an open session is not touched.

    Relative paths count from `root`, or from the data root. The session starts and stops with the oldest and the newest
    modification time of its files.
    """
    name, title, proposal = names.session_name(name), names.title(title), names.proposal(proposal)
    metadata = ctx.instrument.definition.at_start(metadata)
    if not 0 < len(files) <= _MAX_FILES:
        raise InvalidInputError(
            f"A session is created of 1 to {_MAX_FILES} files and folders; these are {len(files)}.",
            code="BAD_FILE_COUNT",
            value=len(files),
            remedy="Give at least one; instead of many files give the folder they are in.",
        )
    base = start_of_relative_paths(ctx, root)
    found = list({facts.path: facts for facts in (existing_path(ctx, base, path) for path in files)}.values())
    for facts in found:
        if facts.is_folder:
            require_no_sessions_in(ctx, facts.path)
    times = [facts.modified for facts in found if facts.modified is not None]
    with ctx.change() as change:
        session = change.tx.new_session(
            name=name,
            title=title,
            user=ctx.caller.principal.name,
            proposal=proposal,
            folder=folder_template(ctx, name=name, proposal=proposal),
            metadata=metadata,
            floor=ctx.id_floor,
            start=min(times, default=change.tx.now),
            stop=max(times, default=change.tx.now),
            state=SessionState.COMPLETED,
            source="created",
        )
        added = [added_file(session, facts, change.tx.now) for facts in found]
        for file in added:
            change.tx.add_file(file)
        change.tx.event(
            "session_created",
            session_id=session.id,
            name=name,
            title=title,
            proposal=proposal,
            metadata=metadata,
            folder=session.folder,
            **told(session),
            **await_ingest(ctx, change, session),
            files=[file_told(file) for file in added],
        )
        return change.reply(session.id)


@verb(Action.EDIT, Place.DEVICE)
def session_rename(ctx: Context, *, title: str, session: int = 0) -> None:
    """Give a session (0: the open one) another title; its name, which made the folder, stays."""
    title = names.title(title)
    found = ctx.session(session)
    with ctx.change() as change:
        found = change.tx.session(found.id)
        if found.title == title:
            return
        change.tx.change_session(found, title=title)
        change.tx.event("session_renamed", session_id=found.id, title=title, before=found.title)
