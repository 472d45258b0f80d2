"""Sessions and runs as the server tells of them, and in the words that scripts use for them."""

from __future__ import annotations

import operator
from pathlib import PurePosixPath
from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.values import milliseconds
from beamsession.model.errors import NotFoundError
from beamsession.model.states import RunState, SessionState

Record = dict[str, Any]

_WORDS = {
    SessionState.STARTED: "started",
    SessionState.PAUSED: "paused",
    SessionState.COMPLETING: "started",
    SessionState.COMPLETED: "completed",
    SessionState.ARCHIVED: "archived",
    SessionState.CANCELLED: "cancelled",
}


def open_session() -> Record | None:
    """The session that is started or paused, without its runs."""
    found = call("session_list", states=[SessionState.STARTED, SessionState.PAUSED], limit=1)
    return found[0] if found else None


def session_number(number: int | None) -> int:
    """`number` if it can be an id, the open session's id for None; NotFoundError SESSION_NOT_FOUND."""
    if number is not None:
        number = operator.index(number)
        if number <= 0:
            raise NotFoundError(
                f"There is no session {number}.",
                code="SESSION_NOT_FOUND",
                value=number,
                remedy="session_ids() lists those that are there.",
            )
        return number
    found = open_session()
    if found is None:
        raise NotFoundError(
            "No session is open.",
            code="SESSION_NOT_FOUND",
            value=None,
            remedy="Start one, or give the id of a session.",
        )
    return found["id"]


def session_record(number: int | None) -> Record:
    """All about one session (None: the open one); NotFoundError SESSION_NOT_FOUND."""
    return call("session_show", session=session_number(number))


def session_facts(number: int | None) -> Record:
    """The same without runs and files, which may be many."""
    return call("session_show", session=session_number(number), contents=False)


def state_word(record: Record) -> str:
    """The state of a session as scripts know it; it counts as started until its last run is written."""
    return _WORDS[SessionState(record["state"])]


def states_of(word: str) -> list[SessionState]:
    """The states that scripts call `word`; empty for an unknown word."""
    return [state for state, name in _WORDS.items() if name == word]


def run_record(run: Record, root: str, *, relative: bool) -> Record:
    """One run as scripts know it; `stop` is absent until it has ended."""
    state = RunState(run["state"])
    stop = {"stop": milliseconds(run["stop"])} if run["stop"] else {}
    return {
        "data": shown_path(run["file"], root, relative=relative),
        "start": milliseconds(run["start"]),
        **stop,
        "state": state.value.lower() if state.is_verdict else "running",
        "enabled": run["enabled"],
        "number": run["number"],
        "id": run["id"],
        "title": run["title"],
    }


def shown_path(path: str, root: str, *, relative: bool) -> str:
    """An absolute path of the server's host, shortened if it is `relative` and lies below `root`."""
    if relative and path and PurePosixPath(path).is_relative_to(root):
        return str(PurePosixPath(path).relative_to(root))
    return path
