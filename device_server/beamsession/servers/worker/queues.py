"""Where ingests and jobs wait for their turn."""

from __future__ import annotations

from beamsession.model.job import JobKind
from beamsession.servers.worker.jobs import JobDatabase, Lane, Work

_INGEST = "ingest"
_JOB = "job"
_CANCEL = "cancel"
_CHECKSUMS = "checksums"
_LANES = {JobKind.HOOK: Lane.HOOKS, JobKind.QUICK_LOOK: Lane.QUICK_LOOKS}


class IngestQueue:
    """The ingests of sessions."""

    def __init__(self, database: JobDatabase, ingest: Work) -> None:
        self._database = database
        database.learn(_INGEST, ingest)

    def enqueue(self, session_id: int) -> None:
        """Have the session's ingest done, under a name that none had before; not while one is active."""
        count, name = len(self._known(session_id)), _name(session_id)
        self._database.enqueue(Lane.INGESTS, _INGEST, session_id, f"{name}-again-{count}" if count else name)

    def hurry(self, session_id: int, request: str) -> None:
        """Have one that is active go on at once if it waits for a while."""
        for work_id, is_active in self._known(session_id).items():
            if is_active:
                self._database.hurry(work_id, f"{work_id}-{request}")

    def is_active(self, session_id: int) -> bool:
        """Whether one is waiting or under way."""
        return any(self._known(session_id).values())

    def _known(self, session_id: int) -> dict[str, bool]:
        return self._database.known(_name(session_id))


class JobQueue:
    """The jobs: hooks and quick looks have lanes of their own."""

    def __init__(self, database: JobDatabase, run: Work, cancel: Work) -> None:
        self._database = database
        database.learn(_JOB, run)
        database.learn(_CANCEL, cancel)

    def enqueue(self, job_id: int, kind: JobKind) -> None:
        """Have the job done; one that is active stays as it is."""
        self._enqueue(_LANES.get(kind, Lane.JOBS), _JOB, job_id)

    def cancel(self, job_id: int) -> None:
        """Have it said that a job which waits for its turn will not be done; not while that is being said."""
        self._enqueue(Lane.CANCELS, _CANCEL, job_id)

    def _enqueue(self, lane: Lane, work: str, job_id: int) -> None:
        known = self._database.known(f"{work}-{job_id}")
        if any(known.values()):
            return
        name = f"{work}-{job_id}-again-{len(known)}" if known else f"{work}-{job_id}"
        self._database.enqueue(lane, work, job_id, name)


class ChecksumQueue:
    """The checksums of runs that have ended."""

    def __init__(self, database: JobDatabase, take: Work) -> None:
        self._database = database
        database.learn(_CHECKSUMS, take)

    def enqueue(self, run_id: int, name: str) -> None:
        """Have them taken, once for `name`."""
        self._database.enqueue(Lane.CHECKSUMS, _CHECKSUMS, run_id, f"{_CHECKSUMS}-{run_id}-{name}")


def _name(session_id: int) -> str:
    return f"{_INGEST}-{session_id}"
