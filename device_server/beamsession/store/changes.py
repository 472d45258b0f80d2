"""What may change in a session and in a run after they were made; all else is fixed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from beamsession.model.job import JobState
from beamsession.model.states import RunIntent, RunState, SessionState


class SessionChanges(TypedDict, total=False):
    """New values of a session. The name makes the folder and stays; the title can be changed."""

    title: str
    state: SessionState
    user: str
    proposal: str
    stop: datetime | None
    metadata: dict[str, Any]
    metadata_edited: bool
    dataset_pid: str


class JobChanges(TypedDict, total=False):
    """New values of a job."""

    state: JobState
    progress: float
    detail: str
    result: dict[str, Any]
    cancel_asked: bool
    acknowledged: bool


class RunChanges(TypedDict, total=False):
    """New values of a run; it changes its session by `Transaction.move_run` alone."""

    state: RunState
    intent: RunIntent
    start: datetime
    stop: datetime | None
    title: str
    file: str
    frames: int | None
    detectors: tuple[str, ...]
    metadata: dict[str, Any]
    report: dict[str, Any]
    reason: str
    recorder: str
    acknowledged: bool
    enabled: bool


def check_session_changes(changes: SessionChanges) -> None:
    """Raises TypeError for a field that never changes."""
    _check("session", set(changes), SessionChanges.__optional_keys__)


def check_run_changes(changes: RunChanges) -> None:
    """Raises TypeError for a field that never changes."""
    _check("run", set(changes), RunChanges.__optional_keys__)


def check_job_changes(changes: JobChanges) -> None:
    """Raises TypeError for a field that never changes."""
    _check("job", set(changes), JobChanges.__optional_keys__)


def _check(what: str, given: set[str], allowed: frozenset[str]) -> None:
    if not given or not given <= allowed:
        raise TypeError(f"a {what} cannot change {sorted(given - allowed) or 'nothing'}")
