"""What the worker tells the manager: each report is the call of one verb."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from beamsession.model.job import JobState
from beamsession.model.states import IngestState


@dataclass(frozen=True)
class Report:
    """`subject` is what it is about: a newer report of the same subject makes one needless that has not arrived."""

    subject: str
    verb: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


def ingest_progress(session_id: int, state: IngestState, step: str, detail: str = "", pid: str = "") -> Report:
    """How far a session is on its way to the catalogue; `detail` is a sentence for a person."""
    arguments = {"session": session_id, "state": state.value, "step": step, "detail": detail, "pid": pid}
    return Report(_ingest(session_id), "ingest_report", arguments)


def session_archived(session_id: int, pid: str, name: str) -> Report:
    """The catalogue has the session under `pid` and calls the dataset `name`."""
    return Report(_ingest(session_id), "session_archive", {"session": session_id, "pid": pid, "name": name})


def job_progress(
    job_id: int, state: JobState, progress: float, detail: str = "", result: dict[str, Any] | None = None
) -> Report:
    """How far a job is, or how it ended; `progress` goes from 0 to 1."""
    arguments = {"job": job_id, "state": state.value, "progress": progress, "detail": detail, "result": result or {}}
    return Report(f"job {job_id}", "job_report", arguments)


def _ingest(session_id: int) -> str:
    return f"ingest of session {session_id}"
