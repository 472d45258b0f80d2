"""What the worker tells the manager: each report is the call of one verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.job import JobState
from beamsession.model.states import IngestState

INGESTOR_STEP = "ingestor"
"""What the step is called in which a program of the site brings a session to the catalogue."""


@dataclass(frozen=True)
class Report:
    """`subject` is what it is about: a newer report of the same subject makes one needless that has not arrived."""

    subject: str
    verb: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


def ingest_progress(
    session_id: int, state: IngestState, step: str, detail: str = "", pid: str = "", dataset: int = 0, **more: Any
) -> Report:
    """How far a session is on its way to the catalogue; `detail` is a sentence for a person.

    `dataset` is the number of the one being sent, from 1; `more` are further arguments of `ingest_report`.
    """
    arguments = {
        "session": session_id,
        "state": state.value,
        "step": step,
        "detail": detail,
        "pid": pid,
        "dataset": dataset,
        **more,
    }
    return Report(_ingest(session_id), "ingest_report", arguments)


def ingest_frozen(session_id: int, step: str, datasets: Sequence[Mapping[str, Any]]) -> Report:
    """Which datasets a session will become: to be delivered, because no later report says it again."""
    pid = str(datasets[0]["pid"]) if datasets else ""
    arguments = ingest_progress(session_id, IngestState.RUNNING, step, pid=pid).arguments
    return Report(_ingest(session_id), "ingest_report", {**arguments, "datasets": [*datasets]})


def ingestor_begins(session_id: int) -> Report:
    """The ingestor is about to be called: from now on it may have stored the session."""
    return ingest_progress(session_id, IngestState.RUNNING, INGESTOR_STEP, in_doubt=True)


def ingestor_ended(
    session_id: int, detail: str, output: str, datasets: Sequence[Mapping[str, Any]], in_doubt: bool
) -> Report:
    """How the ingestor ended, and what it printed at last: to be delivered, because no later report says it again.

    `in_doubt`: it may have stored the session, and nobody knows.
    """
    further = {"output": output, "datasets": [*datasets], "in_doubt": in_doubt}
    return ingest_progress(session_id, IngestState.RUNNING, INGESTOR_STEP, detail, **further)


def ingest_stored(session_id: int, pid: str, name: str) -> Report:
    """A catalogue that archives nothing, one for tests, has the session under `pid`."""
    detail = f"Stored as {pid}; the session is not archived, for this catalogue is one for tests (catalogue.archives)."
    return ingest_progress(session_id, IngestState.DONE, "done", detail, pid, name=name, in_doubt=False)


def catalogue_standing(target: str, state: CatalogueState, reason: str) -> Report:
    """Whether the catalogue at this address can be reached."""
    return Report(f"catalogue {target}", "catalogue_report", {"target": target, "state": state.value, "reason": reason})


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
