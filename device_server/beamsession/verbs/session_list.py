"""Sessions that there are: list them, show one with everything in it, list its files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.archive.session_paths import session_paths
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb


@verb(Action.READ, Place.STORE)
def session_list(
    ctx: Context,
    *,
    states: list[SessionState] | None = None,
    user: str = "",
    proposal: str = "",
    text: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    offset: int = 0,
    before_id: int | None = None,
) -> list[dict[str, Any]]:
    """List sessions, newest first: by states, user, proposal, text in name or title, and start time.

    `before_id` continues after that session, fast at any depth.
    """
    found = ctx.store.sessions(
        SessionQuery(
            instrument=ctx.instrument.name,
            states=tuple(states or ()),
            user=user or None,
            proposal=proposal or None,
            text=text,
            since=since,
            until=until,
            limit=limit,
            offset=offset,
            before_id=before_id,
        )
    )
    return [plain(session) for session in found]


@verb(Action.READ, Place.STORE)
def session_show(ctx: Context, *, session: int = 0, contents: bool = True) -> dict[str, Any]:
    """Show one session (0: the open one) with its folder, the state of its ingest, and its contents: runs and files."""
    found = ctx.session(session)
    root = str(ctx.instrument.data_root / found.folder)
    link = ctx.instrument.link_of(found.dataset_pid)
    shown = {**plain(found), "root": root, "dataset_link": link, "ingest": plain(ctx.store.ingest(found.id))}
    if not contents:
        return shown
    return {**shown, "runs": plain(ctx.store.runs(found.id)), "files": plain(ctx.store.files(found.id))}


@verb(Action.READ, Place.STORE, tango="ListSessionFiles")
def session_files(ctx: Context, *, session: int = 0, relative: bool = True) -> list[str]:
    """List the files of a session (0: the open one): its own record, those of its enabled runs, the added ones.

    None twice. With `relative`, what lies in the session's folder is named from there; all else has its whole path.
    """
    found = ctx.session(session)
    folder = ctx.instrument.data_root / found.folder
    paths = session_paths(folder, ctx.store.runs(found.id), ctx.store.files(found.id))
    return [_named(path, folder, relative) for path in paths]


def _named(path: Path, folder: Path, relative: bool) -> str:
    return str(path.relative_to(folder) if relative and path.is_relative_to(folder) else path)
