"""Jobs begin when they are asked for, and again after a crash; one that waits for its turn can be called off."""

from __future__ import annotations

from typing import Protocol

from beamsession.model.errors import NotFoundError
from beamsession.model.event import Event
from beamsession.model.job import Job, JobKind, JobState
from beamsession.store import Store

_REQUESTED = "job_requested"
_CANCEL_ASKED = "job_cancel_asked"


class JobLane(Protocol):
    """Where jobs wait for their turn."""

    def enqueue(self, job_id: int, kind: JobKind) -> None:
        """Have the job done; one that is active stays as it is."""
        ...

    def cancel(self, job_id: int) -> None:
        """Have it said that a job which waits for its turn will not be done."""
        ...


class JobTriggering:
    """Turns events into queued jobs. The store knows what is to be done, so nothing is lost with this process."""

    def __init__(self, store: Store, instrument: str, queue: JobLane) -> None:
        self._store = store
        self._instrument = instrument
        self._queue = queue

    def take_up(self) -> None:
        """Take up the jobs that have not ended, in the order in which they were asked for."""
        for job in reversed(self._store.jobs(self._instrument, states=(JobState.WAITING, JobState.RUNNING))):
            self._take_up(job)

    def handle(self, event: Event) -> None:
        """React to one event; the same again does no harm."""
        if event.kind == _REQUESTED:
            job_id = event.seq
        elif event.kind == _CANCEL_ASKED:
            job_id = int(event.payload["job_id"])
        else:
            return
        try:
            self._take_up(self._store.job(job_id))
        except NotFoundError:
            return  # The log may outlive the list of jobs: a store rebuilt from the folders has none.

    def _take_up(self, job: Job) -> None:
        if job.state.is_end:
            return
        self._queue.enqueue(job.id, job.kind)
        if job.cancel_asked and job.state is JobState.WAITING:
            self._queue.cancel(job.id)
