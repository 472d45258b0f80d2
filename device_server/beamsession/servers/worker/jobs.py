"""The job database: DBOS set up so that nothing is lost and nothing is done twice, and it keeps to itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID, WorkflowStatus

from beamsession.crew.job_server import is_shared
from beamsession.model.errors import RefusedError

# A whole number. Raise it only when the steps of work that may be under way change or their order: what was begun by an
# older version is called off and begun anew. New kinds of work beside the old ones change nothing for these.
JOBS_VERSION = "2"
_HURRY = "hurry"
_ACTIVE = ["PENDING", "ENQUEUED", "DELAYED"]

Work = Callable[[int], str]
"""Durable work on one thing, named by its number; the text is for the job database's own record."""


# How much of each of its lanes a worker does at a time. A queue is looked for in the database for ever, so there are
# but two for each instrument.
_QUEUES = {"two_at_once": 2, "four_at_once": 4}
# Those of version 1, which knew one instrument and one worker.
_OLD_QUEUES = ("ingests", "jobs", "hooks", "quick_looks", "cancels", *_QUEUES)
_LOOK_S = 0.5
_POOL = 10
# A process that froze in the middle of a transaction keeps the others waiting so long.
_FROZEN_S = 5
_SEPARATOR = "/"


class Lane(Enum):
    """Where work waits, and in which queue: what is long never delays what is short."""

    INGESTS = "ingests", "four_at_once"
    JOBS = "jobs", "two_at_once"
    HOOKS = "hooks", "four_at_once"
    QUICK_LOOKS = "quick_looks", "two_at_once"
    CHECKSUMS = "checksums", "two_at_once"
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


@dataclass(frozen=True)
class Begun:
    """Work that has not ended; `worker` is the name of the one who does it, empty while it waits."""

    id: str
    version: int
    worker: str


class JobDatabase:
    """Durable work in its own database. One instance per process: DBOS is a process-wide part.

    `worker` is unique among those of `instrument`. Work of several instruments may be in one database: each has its own
    names and queues.
    """

    def __init__(self, url: str, instrument: str, worker: str) -> None:
        self._prefix = f"{instrument}{_SEPARATOR}"
        config: DBOSConfig = {
            "name": "beamsession-worker",
            "system_database_url": url,
            "application_version": JOBS_VERSION,
            "executor_id": self._prefix + worker,
            "log_level": "WARNING",
            "enable_otlp": False,
            "serializer": JsonSerializer(),
        }
        if is_shared(url):
            config["sys_db_pool_size"] = _POOL
            config["sys_db_idle_transaction_timeout_sec"] = _FROZEN_S
        # Its own console handler would double our log, and its greeting is an advertisement.
        logger = logging.getLogger("dbos")
        logger.setLevel(logging.WARNING)
        DBOS(config=config)
        DBOS.listen_queues([self._prefix + name for name in _QUEUES])
        logger.handlers.clear()
        logger.propagate = True
        self._works: dict[str, Work] = {}

    def learn(self, name: str, work: Work) -> None:
        """Know how work called `name` is done, by `step` and `wait`; before `launch`."""

        def run(number: int) -> str:  # DBOS marks the function, which a bound method does not allow
            return work(number)

        self._works[name] = DBOS.workflow(name=name, max_recovery_attempts=None)(run)

    def launch(self) -> None:
        """Take up what was left under our name and begin to work.

        Raises RefusedError JOBS_TOO_NEW where a newer program has left work.
        """
        DBOS.launch()
        newest = max((item.version for item in self.begun()), default=0)
        if newest > int(JOBS_VERSION):
            raise RefusedError(
                "There is work that a newer version of beamsession has begun.",
                code="JOBS_TOO_NEW",
                value=newest,
                remedy="Install that version again; it is not lost.",
            )
        for name, at_once in _QUEUES.items():
            DBOS.register_queue(self._prefix + name, partition_worker_concurrency=at_once, polling_interval_sec=_LOOK_S)

    def enqueue(self, lane: Lane, work: str, number: int, work_id: str) -> None:
        """Have `work` done on `number`, once for `work_id`."""
        part, queue = lane.value
        with SetWorkflowID(self._prefix + work_id), SetEnqueueOptions(queue_partition_key=part):
            DBOS.enqueue_workflow(self._prefix + queue, self._works[work], number)

    def known(self, work_id: str) -> dict[str, bool]:
        """The work called `work_id` or `work_id-…` that was ever enqueued; whether it waits or is under way."""
        wanted = self._prefix + work_id
        found = DBOS.list_workflows(workflow_id_prefix=wanted, load_input=False, load_output=False)
        return {
            item.workflow_id.removeprefix(self._prefix): item.status in _ACTIVE
            for item in found
            if item.workflow_id == wanted or item.workflow_id.startswith(f"{wanted}-")
        }

    def begun(self) -> list[Begun]:
        """All work of the instrument that waits or is under way, of whatever version."""
        found = DBOS.list_workflows(status=_ACTIVE, load_input=False, load_output=False)
        return [
            Begun(item.workflow_id, int(item.app_version or 0), self._worker_of(item))
            for item in found
            # Version 1 did not say whose work it was: its job databases were of one instrument.
            if item.workflow_id.startswith(self._prefix) or _SEPARATOR not in item.workflow_id
        ]

    def take_over(self, worker: str) -> None:
        """Have what `worker` had begun by our version done by those who are there. He must not be at work."""
        DBOS._recover_pending_workflows([self._prefix + worker])

    def call_off(self, ids: Sequence[str]) -> None:
        """End work that is not to go on as it was begun; whoever did it cannot go on."""
        DBOS.cancel_workflows(list(ids))

    def forget_old_queues(self) -> None:
        """The queues of version 1 go when nothing is left in them."""
        for name in _OLD_QUEUES:
            if DBOS.retrieve_queue(name) is None:
                continue
            if not DBOS.list_workflows(queue_name=name, status=_ACTIVE, limit=1, load_input=False, load_output=False):
                DBOS.delete_queue(name)

    def hurry(self, work_id: str, reason: str) -> None:
        """End the pause in which that work waits; once for `reason`."""
        DBOS.send(self._prefix + work_id, True, topic=_HURRY, idempotency_key=self._prefix + reason)

    def _worker_of(self, item: WorkflowStatus) -> str:
        is_begun = item.status == "PENDING"
        return (item.executor_id or "").removeprefix(self._prefix) if is_begun else ""


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
