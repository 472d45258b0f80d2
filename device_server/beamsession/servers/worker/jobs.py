"""The job database: DBOS set up so that nothing is lost and nothing is done twice, and it keeps to itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID

# Raise it only when the steps of work that may be under way change or their order: what was begun by another version is
# never taken up. New kinds of work beside the old ones change nothing for these.
JOBS_VERSION = "1"
_HURRY = "hurry"
_ACTIVE = ["PENDING", "ENQUEUED", "DELAYED"]

Work = Callable[[int], str]
"""Durable work on one thing, named by its number; the text is for the job database's own record."""


# How much of each of its lanes is done at a time. A queue is looked for in the database for ever, so there are but two.
_QUEUES = {"two_at_once": 2, "four_at_once": 4}
_LOOK_S = 0.5
_REST_LOOK_S = 5.0


class Lane(Enum):
    """Where work waits, and in which queue: what is long never delays what is short."""

    INGESTS = "ingests", "four_at_once"
    JOBS = "jobs", "two_at_once"
    HOOKS = "hooks", "four_at_once"
    QUICK_LOOKS = "quick_looks", "two_at_once"
    CANCELS = "cancels", "four_at_once"


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


class JobDatabase:
    """Durable work in its own database. One instance per process: DBOS is a process-wide part."""

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
        self._works: dict[str, Work] = {}

    def learn(self, name: str, work: Work) -> None:
        """Know how work called `name` is done, by `step` and `wait`; before `launch`."""

        def run(number: int) -> str:  # DBOS marks the function, which a bound method does not allow
            return work(number)

        self._works[name] = DBOS.workflow(name=name, max_recovery_attempts=None)(run)

    def launch(self) -> None:
        """Take up what was left and begin to work."""
        DBOS.launch()
        for name, at_once in _QUEUES.items():
            DBOS.register_queue(name, partition_worker_concurrency=at_once, polling_interval_sec=_LOOK_S)
        self._see_to_old_queues()

    def enqueue(self, lane: Lane, work: str, number: int, work_id: str) -> None:
        """Have `work` done on `number`, once for `work_id`."""
        part, queue = lane.value
        with SetWorkflowID(work_id), SetEnqueueOptions(queue_partition_key=part):
            DBOS.enqueue_workflow(queue, self._works[work], number)

    def known(self, work_id: str) -> dict[str, bool]:
        """The work called `work_id` or `work_id-…` that was ever enqueued; whether it waits or is under way."""
        found = DBOS.list_workflows(workflow_id_prefix=work_id, load_input=False, load_output=False)
        return {
            item.workflow_id: item.status in _ACTIVE
            for item in found
            if item.workflow_id == work_id or item.workflow_id.startswith(f"{work_id}-")
        }

    def _see_to_old_queues(self) -> None:
        """Queues of an earlier version, one for each lane, go as soon as nothing is left in them."""
        for lane in Lane:
            name, _ = lane.value
            if DBOS.retrieve_queue(name) is None:
                continue
            if DBOS.list_workflows(queue_name=name, status=_ACTIVE, limit=1, load_input=False, load_output=False):
                DBOS.register_queue(name, worker_concurrency=2, polling_interval_sec=_REST_LOOK_S)
            else:
                DBOS.delete_queue(name)

    def hurry(self, work_id: str, reason: str) -> None:
        """End the pause in which that work waits; once for `reason`."""
        DBOS.send(work_id, True, topic=_HURRY, idempotency_key=reason)


def step(name: str, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Inside durable work: the result of `action`, which is called again only if it did not return before."""
    return DBOS.run_step({"name": name}, action)


def wait(seconds: float) -> None:
    """Inside durable work: wait so long over restarts, or until it is hurried."""
    DBOS.recv(_HURRY, timeout_seconds=seconds)


def job_id() -> str:
    """Inside durable work: its id."""
    return DBOS.workflow_id or ""


def times_begun() -> int:
    """Inside durable work: how often it was begun, this time included: once, and once more by each restart."""
    (found,) = DBOS.list_workflows(workflow_ids=[job_id()], load_input=False, load_output=False)
    return found.recovery_attempts or 1


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"_exception": f"{type(value).__name__}: {value}"}
    raise TypeError(f"{type(value).__name__} cannot be kept in the job database")
