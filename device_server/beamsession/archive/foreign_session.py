"""A session of another program or another beamline, as its folder tells, before anything of it is ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.model.errors import InvalidInputError, RefusedError
from beamsession.model.states import RunState, SessionState

_REMEDIES: dict[type[OSError], str] = {
    PermissionError: "Give this program's account the right to read it, then try again.",
    FileNotFoundError: "Put it back from a copy, or name another folder.",
    NotADirectoryError: "Name a session's folder, or the folder that holds such folders.",
    IsADirectoryError: "It should be a file: put that back from a copy.",
}


@dataclass(frozen=True)
class ForeignRun:
    """One run. `data` is its file or folder as it is written there, `path` where that is by now, None without any.

    `path` is absolute wherever the session says what a relative one counts from. `state` is a verdict; `reason` says
    what is not as it should be. Unknown times are None. `report` is the last word of its recorder, where that was one
    of ours, with the paths of the files as they are by now.
    """

    data: str
    path: Path | None
    state: RunState
    start: datetime | None = None
    stop: datetime | None = None
    reason: str = ""
    enabled: bool = True
    title: str = ""
    frames: int | None = None
    detectors: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    report: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class ForeignSession:
    """One session, COMPLETED or ARCHIVED (then with `dataset_pid`) or CANCELLED.

    `source` names it for good: `pshell:<folder>` or `beamsession:<instrument>:<id>`. `id` is the number that it has
    there. `root` is the folder that relative paths count from. `format`, `layout` and `mode` are PShell's words.
    `ingested` are dataset ids by the catalogue's environment (prod, test, dev). `remarks` are sentences about what
    had to be guessed.
    """

    source: str
    id: int
    name: str
    state: SessionState
    root: Path | None
    user: str = ""
    title: str = ""
    proposal: str = ""
    start: datetime | None = None
    stop: datetime | None = None
    dataset_pid: str = ""
    runs: tuple[ForeignRun, ...] = ()
    files: tuple[Path, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    ingested: dict[str, str] = field(default_factory=dict[str, str])
    format: str = ""
    layout: str = ""
    mode: str = ""
    remarks: tuple[str, ...] = ()


def bad_folder(path: Path, reason: str) -> InvalidInputError:
    """The error for a session whose record in `path` cannot be understood."""
    return InvalidInputError(
        f"{path} cannot be understood: {reason}.",
        code="BAD_SESSION_FOLDER",
        value=str(path),
        remedy="Correct the file or restore it from a copy; other sessions can be read without it.",
    )


def unreadable(path: Path, fault: OSError) -> RefusedError:
    """The error for a file or folder that the system does not let us read."""
    return RefusedError(
        f"{path} cannot be read: {fault.strerror or fault}.",
        code="FOLDER_UNREADABLE",
        value=str(path),
        remedy=_REMEDIES.get(type(fault), "Find out what is wrong with the disk that it is on, then try again."),
    )
