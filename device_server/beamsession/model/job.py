"""Work that takes long and is done after the fact: durable, with progress, by the worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

JobId = NewType("JobId", int)
"""What a verb returns whose work takes long: faces wait for the end of the job, or show its progress."""


class JobKind(StrEnum):
    """What is to be done."""

    ZIP = "zip"
    IMPORT = "import"
    HOOK = "hook"
    QUICK_LOOK = "quick_look"
    PACK = "pack"
    DRY_RUN = "ingest_dry_run"
    PAYLOAD = "ingest_payload"


class JobState(StrEnum):
    """Life of a job; the last three are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class Job:
    """One piece of work.

    `id` is the number of the event that asked for it. `title` and `detail` are sentences for a person, `progress` goes
    from 0 to 1. `result` depends on the kind. `cancel_asked`: the worker ends it when it can. `acknowledged` tells
    whether somebody has seen that it failed.
    """

    id: int
    instrument: str
    kind: JobKind
    state: JobState
    title: str
    user: str
    created: datetime
    updated: datetime
    session_id: int | None = None
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    progress: float = 0.0
    detail: str = ""
    result: dict[str, Any] = field(default_factory=dict[str, Any])
    cancel_asked: bool = False
    acknowledged: bool = False
