"""Changes of jobs."""

from __future__ import annotations

from typing import Any, Unpack

from sqlalchemy import bindparam, insert, update

from beamsession.model.job import Job, JobKind, JobState
from beamsession.store.changes import JobChanges, check_job_changes
from beamsession.store.tables import jobs
from beamsession.store.writing import Writing

_CHANGE = update(jobs).where(jobs.c.id == bindparam("of"))


class JobWrites(Writing):
    """What may be written about jobs."""

    def new_job(self, kind: JobKind, title: str, arguments: dict[str, Any], *, session_id: int | None = None) -> Job:
        """A job that waits for the worker, with its event `job_requested`."""
        event = self.event("job_requested", session_id=session_id, job=kind.value, title=title, arguments=arguments)
        job = Job(
            id=event.seq,
            instrument=self._instrument,
            kind=kind,
            state=JobState.WAITING,
            title=title,
            user=self._caller.principal.name,
            created=self.now,
            updated=self.now,
            session_id=session_id,
            arguments=arguments,
        )
        self._change(insert(jobs), vars(job))
        return job

    def change_job(self, job: Job, **changes: Unpack[JobChanges]) -> Job:
        """The job with these changes."""
        check_job_changes(changes)
        self._change(_CHANGE, {**changes, "updated": self.now, "of": job.id})
        return self.job(job.id)
