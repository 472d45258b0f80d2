"""Sessions that there are: list them, show one with everything in it, list its files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.archive.session_folder import EVENTS_FILE, FILES_FILE, RUNS_FILE, SESSION_FILE
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.run import Run
from beamsession.model.states import SessionState
from beamsession.model.verb import Place
from beamsession.store import SessionQuery
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
def session_show(ctx: Context, *, session: int = 0) -> dict[str, Any]:
    """Show one session (0: the open one) with its folder, runs, files and the state of its ingest."""
    found = ctx.session(session)
    return {
        **plain(found),
        "root": str(ctx.instrument.data_root / found.folder),
        "runs": plain(ctx.store.runs(found.id)),
        "files": plain(ctx.store.files(found.id)),
        "ingest": plain(ctx.store.ingest(found.id)),
    }


@verb(Action.READ, Place.STORE, tango="ListSessionFiles")
def session_files(ctx: Context, *, session: int = 0, relative: bool = True) -> list[str]:
    """List the files of a session (0: the open one): its own record, those of its enabled runs, the added ones.

    None twice. With `relative`, what lies in the session's folder is named from there; all else has its whole path.
    """
    found = ctx.session(session)
    folder = ctx.instrument.data_root / found.folder
    record = [folder / name for name in (SESSION_FILE, RUNS_FILE, FILES_FILE, EVENTS_FILE)]
    runs = [path for run in ctx.store.runs(found.id) if run.enabled for path in run_files(run)]
    added = [Path(file.path) for file in ctx.store.files(found.id)]
    return [_named(path, folder, relative) for path in dict.fromkeys((*record, *runs, *added))]


def run_files(run: Run) -> list[Path]:
    """The files of a run, its master first; none before it is known."""
    found = [run.file, *(str(path) for path in run.report.get("files", ()))]
    return [Path(path) for path in dict.fromkeys(found) if path]


def _named(path: Path, folder: Path, relative: bool) -> str:
    return str(path.relative_to(folder) if relative and path.is_relative_to(folder) else path)
