# ruff: noqa: A002 - `id` is what published scripts call it
"""The runs of sessions: list them, leave one out, give them to another session."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import Record, run_record, session_number, session_record
from beamsession.model.errors import InvalidInputError, NotFoundError

RunName = int | str | os.PathLike[str]
"""A run's number, or the name of its data: relative to the session's root, or absolute."""


def session_get_runs(id: int | None = None, relative: bool = True) -> list[dict[str, Any]]:
    """The runs of a session (None: the open one) in order, as dicts.

    Keys: `data` (path of the run's file, relative to the session's root if it lies below it and `relative` is true;
    empty until it is known), `start` and `stop` (milliseconds since the epoch; no `stop` while it is recorded), `state`
    (`running`, `completed`, `incomplete`, `aborted`, `failed`), `enabled`, `number`, `id`, `title`.
    """
    record = session_record(id)
    return [run_record(run, record["root"], relative=relative) for run in record["runs"]]


def session_set_run_enabled(enabled: bool, id: int | None = None, index: int = -1) -> bool:
    """Enable or disable the run at `index` in `session_get_runs`; a negative index is the last one.

    A run that is not enabled stays in the list, and is left out of file lists, ZIP archives and the catalogue. False if
    there is no run at that index. Raises the error NO_RUNS for a negative index where there are no runs.
    """
    record, index = session_record(id), operator.index(index)
    runs = record["runs"]
    if index >= len(runs):
        return False
    if not runs:
        raise NotFoundError(
            f"Session {record['id']} has no runs.", code="NO_RUNS", value=index, remedy="Record or register one first."
        )
    number = runs[max(index, -1)]["number"]
    call("run_enable" if enabled else "run_disable", run=number, session=record["id"])
    return True


def session_move(origin: int, files: Iterable[RunName], dest: int) -> None:
    """Give runs of the session `origin` to the session `dest`; `files` are names of their data, or their numbers.

    A name means the first run with that data. Their files stay where they are. Raises the reason if a run is unknown or
    still recorded, or a session cannot be changed; then nothing is moved.
    """
    found = session_record(origin)
    call("run_move", runs=_numbers(found, files), to=session_number(dest), session=found["id"])


def session_detach(name: str | None, id: int, files: Iterable[RunName]) -> int:
    """Make a new completed session of runs of the session `id` and return the new id; `files` as of `session_move`.

    It takes over user, proposal and metadata, and lasts from the start of its first to the end of its last run.
    """
    found = session_record(id)
    return call("run_detach", runs=_numbers(found, files), name=name or "", session=found["id"])


def _numbers(session: Record, names: Iterable[RunName]) -> list[int]:
    """The numbers of the runs that `names` mean, each once."""
    wanted = [names] if isinstance(names, str | os.PathLike) else list(names)
    if not wanted:
        raise InvalidInputError("No run is named.", code="NO_RUNS", value=[], remedy="Name at least one run.")
    return list(dict.fromkeys(_number(session, name) for name in wanted))


def _number(session: Record, name: RunName) -> int:
    if not isinstance(name, str | os.PathLike):
        return operator.index(name)
    path = PurePosixPath(session["root"]) / name
    for run in session["runs"]:
        if run["file"] and PurePosixPath(run["file"]) == path:
            return run["number"]
    raise NotFoundError(
        f"Session {session['id']} has no run with the data {os.fspath(name)}.",
        code="RUN_NOT_FOUND",
        value=os.fspath(name),
        remedy="session_get_runs() lists them.",
    )
