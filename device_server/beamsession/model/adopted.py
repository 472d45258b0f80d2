"""A session that was measured under another program, as it is taken over."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from beamsession.model.value import Value


class AdoptedRun(Value):
    """One of its runs; `file` is absolute on the server's host, None where it has none.

    `report` is its recorder's last word where that was a recorder of ours, with the paths of the files as they are now.
    """

    file: Path | None = None
    start: datetime
    stop: datetime | None = None
    state: Literal["COMPLETED", "INCOMPLETE", "ABORTED", "FAILED"] = "COMPLETED"
    reason: str = ""
    title: str = ""
    enabled: bool = True
    frames: int | None = None
    detectors: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    report: dict[str, Any] = Field(default_factory=dict)


class AdoptedFile(Value):
    """One of its added files; size in bytes, both 0 and None where it is not there any more."""

    path: Path
    size: int = 0
    modified: datetime | None = None
    is_folder: bool = False


class AdoptedSession(Value):
    """`source` names it for ever: `pshell:<folder>`, `beamsession:<instrument>:<id>`.

    With a `dataset_pid` it is archived. `facts` is what that program knew besides: it goes into the event.
    """

    source: str = Field(min_length=1, max_length=4096)
    name: str
    title: str = ""
    user: str = ""
    proposal: str = ""
    start: datetime
    stop: datetime
    metadata: dict[str, Any] = Field(default_factory=dict)
    dataset_pid: str = ""
    runs: tuple[AdoptedRun, ...] = ()
    files: tuple[AdoptedFile, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
