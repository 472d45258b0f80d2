# ruff: noqa: A002 - `id` is what published scripts call it
"""The life of a session: start, pause, resume, complete, cancel, restart; and one made of files that exist."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import open_session, session_number
from beamsession.faces.scripting.values import plain_object
from beamsession.faces.scripting.waiting import wait_for
from beamsession.model.errors import WrongStateError
from beamsession.model.states import SessionState


def session_start(
    name: str | None, metadata: Mapping[str, Any] | None = None, *, title: str = "", proposal: str = ""
) -> int:
    """Start a session and return its id; a blank name becomes `unnamed`.

    `metadata` are the session's own; None: all defaults of the metadata definition. The dict is left as it is. An open
    session is completed first, its run drains meanwhile; one without runs, files, comments and changed metadata is
    cancelled.
    """
    values = None if metadata is None else plain_object(metadata)
    return call("session_start", name=name or "", metadata=values, title=title, proposal=proposal)


def session_complete(*, timeout: float | None = 600) -> bool:
    """Complete the open session and wait until its last run is written; False, and nothing done, if none is open.

    Raises the error NOT_IN_TIME after `timeout` seconds (None: no limit); the session completes all the same.
    """
    found = open_session()
    if found is None or not _done("session_complete"):
        return False

    def is_complete() -> bool | None:
        draining = call("session_list", states=[SessionState.COMPLETING])
        return None if any(session["id"] == found["id"] for session in draining) else True

    return wait_for(is_complete, f"the last run of session {found['id']} is still being written", timeout)


def session_pause() -> bool:
    """Pause the open session; False, and nothing done, if none is open or it is paused already.

    The frames of an open run are not recorded until `session_resume`.
    """
    return _done("session_pause")


def session_resume() -> bool:
    """Resume the paused session; False, and nothing done, if none is paused."""
    return _done("session_resume")


def session_cancel() -> bool:
    """Cancel the open session, its folder goes; False, and nothing done, if none is open or it has a run.

    The id is never given again.
    """
    return _done("session_cancel")


def session_restart(id: int) -> int:
    """Open a completed session again and return its id; an open one is closed first as `session_start` does.

    Start time, runs, files and metadata stay, the stop time goes. The open session itself is resumed if it is paused.
    Raises the reason if the session is archived or cancelled, or is on its way to the catalogue.
    """
    return call("session_restart", session=session_number(id))


def session_create(
    name: str | None,
    files: Iterable[str | os.PathLike[str]],
    metadata: Mapping[str, Any] | None = None,
    root: str | None = None,
    *,
    title: str = "",
    proposal: str = "",
) -> int:
    """Make a completed session of files that exist and return its id; it has no runs, the open session stays open.

    It starts and stops with the oldest and the newest modification time of `files`. Relative paths count from `root`,
    None: the data root.
    """
    paths = [os.fspath(files)] if isinstance(files, str | os.PathLike) else [os.fspath(path) for path in files]
    values = None if metadata is None else plain_object(metadata)
    more = {"title": title, "proposal": proposal}
    return call("session_create", name=name or "", files=paths, metadata=values, root=root or "", **more)


def _done(verb: str) -> bool:
    """Whether there was anything to do for `verb`, which acts on the open session."""
    try:
        call(verb)
    except WrongStateError:
        return False
    return True
