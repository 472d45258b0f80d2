"""The job database: DBOS set up so that nothing is lost and nothing is done twice, and it keeps to itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

# Raise it only when the steps of the ingest or their order change: jobs of another version are never taken up.
JOBS_VERSION = "1"
_QUEUE = "ingests"
_AT_ONCE = 4
_WORKFLOW = "ingest"
_HURRY = "hurry"
_ACTIVE = ["PENDING", "ENQUEUED", "DELAYED"]


class JsonSerializer(Serializer):
    """What the job database keeps is JSON: readable by people and by later versions, and it runs no code."""

    def serialize(self, data: Any) -> str:
        """JSON; an exception becomes its text."""
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:
        """What was serialized, exceptions as RuntimeError."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and set(data) == {"_exception"}:
            return RuntimeError(data["_exception"])
        return data

    def name(self) -> str:
        """Kept beside each value."""
        return "beamsession_json"


class Jobs:
    """The queue of ingests, durable in its own database. One instance per process: DBOS is a process-wide part."""

    def __init__(self, url: str, executor: str) -> None:
        config: DBOSConfig = {
            "name": "beamsession-worker",
            "system_database_url": url,
            "application_version": JOBS_VERSION,
            "executor_id": executor,
            "log_level": "WARNING",
            "enable_otlp": False,
            "serializer": JsonSerializer(),
        }
        # Its own console handler would double our log, and its greeting is an advertisement.
        logger = logging.getLogger("dbos")
        logger.setLevel(logging.WARNING)
        DBOS(config=config)
        logger.handlers.clear()
        logger.propagate = True
        self._workflow: Callable[[int], str] | None = None

    def launch(self, ingest: Callable[[int], str]) -> None:
        """Take up what was left and begin to work; `ingest` does one session's ingest by `step` and `wait`."""

        def run(session_id: int) -> str:  # DBOS marks the function, which a bound method does not allow
            return ingest(session_id)

        self._workflow = DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)(run)
        DBOS.launch()
        DBOS.register_queue(_QUEUE, worker_concurrency=_AT_ONCE, polling_interval_sec=0.2)

    def enqueue(self, session_id: int, job_id: str) -> None:
        """Have the ingest done once for `job_id`; one of the session that is under way is hurried instead."""
        if self._workflow is None:
            raise RuntimeError("enqueue before launch")
        known = self._known(session_id)
        if job_id in known:
            return
        active = [known_id for known_id, status in known.items() if status in _ACTIVE]
        if active:
            DBOS.send(active[0], True, topic=_HURRY, idempotency_key=job_id)
            return
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(_QUEUE, self._workflow, session_id)

    def job_count(self, session_id: int) -> int:
        """How many ingests of the session were ever enqueued."""
        return len(self._known(session_id))

    def is_active(self, session_id: int) -> bool:
        """Whether one is waiting or under way."""
        return any(status in _ACTIVE for status in self._known(session_id).values())

    def _known(self, session_id: int) -> dict[str, str]:
        own, later = f"ingest-{session_id}", f"ingest-{session_id}-"
        found = DBOS.list_workflows(workflow_id_prefix=own, load_input=False, load_output=False)
        return {
            item.workflow_id: item.status
            for item in found
            if item.workflow_id == own or item.workflow_id.startswith(later)
        }


def step(name: str, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Inside an ingest: the result of `action`, which is called again only if it did not return before."""
    return DBOS.run_step({"name": name}, action)


def wait(seconds: float) -> None:
    """Inside an ingest: wait so long over restarts, or until somebody asks for this ingest again."""
    DBOS.recv(_HURRY, timeout_seconds=seconds)


def job_id() -> str:
    """Inside an ingest: its id."""
    return DBOS.workflow_id or ""


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"_exception": f"{type(value).__name__}: {value}"}
    raise TypeError(f"{type(value).__name__} cannot be kept in the job database")
