# ruff: noqa: A002 - `id` is what published scripts call it
"""What can be asked about sessions: the open one, all of them, and the facts of one."""

from __future__ import annotations

from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import (
    open_session,
    run_record,
    session_facts,
    session_record,
    shown_path,
    state_word,
    states_of,
)
from beamsession.faces.scripting.values import milliseconds
from beamsession.model.errors import InvalidInputError
from beamsession.model.states import SessionState

_PAGE = 500
_CLOSED = [SessionState.COMPLETED, SessionState.ARCHIVED]
_ALL = [state for state in SessionState if state not in (SessionState.NONE, SessionState.CANCELLED)]


def session_id() -> int:
    """The id of the open session, 0 without one."""
    found = open_session()
    return found["id"] if found else 0


def session_name() -> str:
    """The name of the open session, `unknown` without one."""
    found = open_session()
    return found["name"] if found else "unknown"


def session_started() -> bool:
    """Whether a session is open, paused or not."""
    return open_session() is not None


def session_paused() -> bool:
    """Whether a session is open and paused."""
    found = open_session()
    return found is not None and found["state"] == SessionState.PAUSED


def session_ids(state: str | None = None, user: str | None = None) -> list[int]:
    """The ids of sessions in ascending order: completed and archived ones, unless `state` says which.

    `state` is `started`, `paused`, `completed`, `archived`, `cancelled`, or `all`, which leaves out the cancelled ones.
    `user` restricts to those that this user started.
    """
    states = _states(state)
    ids: list[int] = []
    while True:
        last = ids[-1] if ids else None
        page = call("session_list", states=states, user=user or "", limit=_PAGE, before_id=last)
        ids += [session["id"] for session in page]
        if len(page) < _PAGE:
            return sorted(ids)


def session_get_name(id: int | None = None) -> str:
    """The name of a session (None: the open one)."""
    return session_facts(id)["name"]


def session_get_state(id: int | None = None) -> str:
    """The state of a session (None: the open one): `started`, `paused`, `completed`, `archived` or `cancelled`.

    It is `started` until its last run is written, also after `session_complete` was asked for.
    """
    return state_word(session_facts(id))


def session_get_start(id: int | None = None) -> int:
    """When a session (None: the open one) was started, in milliseconds since the epoch."""
    return milliseconds(session_facts(id)["start"])


def session_get_stop(id: int) -> int | None:
    """When a session was completed, in milliseconds since the epoch; None while it is not."""
    stop = session_facts(id)["stop"]
    return milliseconds(stop) if stop else None


def session_get_root(id: int | None = None) -> str:
    """The folder of a session (None: the open one), absolute on the server's host."""
    return session_facts(id)["root"]


def session_get_info(id: int | None = None) -> dict[str, Any]:
    """All about a session (None: the open one) but its metadata.

    Keys: `id`, `name`, `user`, `start`, `stop` (absent until it is completed), `state`, `root`, `format`, `layout`,
    `mode`, `runs` (as of `session_get_runs`), `files` (as of `session_get_additional_files`), `ingested` (absent until
    it is archived: `{"prod": pid}`).
    """
    record = session_record(id)
    root = record["root"]
    stop = {"stop": milliseconds(record["stop"])} if record["stop"] else {}
    ingested = {"ingested": {"prod": record["dataset_pid"]}} if record["dataset_pid"] else {}
    return {
        "id": record["id"],
        "name": record["name"],
        "user": record["user"],
        "start": milliseconds(record["start"]),
        **stop,
        "state": state_word(record),
        "root": root,
        "format": "h5",
        "layout": "nx",
        "mode": "On",
        "runs": [run_record(run, root, relative=True) for run in record["runs"]],
        "files": [shown_path(file["path"], root, relative=True) for file in record["files"]],
        **ingested,
    }


def _states(word: str | None) -> list[SessionState]:
    states = {None: _CLOSED, "all": _ALL}.get(word) or states_of(str(word))
    if not states:
        raise InvalidInputError(
            f"There is no session state '{word}'.",
            code="BAD_STATE",
            value=word,
            remedy="States are: all, started, paused, completed, archived, cancelled.",
        )
    return states
