"""A job from its turn to its end: which work it is, how it ended, and who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from beamsession.model.errors import BeamsessionError, NotFoundError, UnavailableError
from beamsession.model.job import Job, JobKind, JobState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.job_watch import JobCancelledError, JobWatch
from beamsession.servers.worker.last_word import LastWord
from beamsession.servers.worker.outcome import unforeseen
from beamsession.servers.worker.reports import job_progress
from beamsession.store import Store

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_ENDED = "it had ended before"


@dataclass(frozen=True)
class Done:
    """What the work came to; `detail` is a sentence for a person, `result` are JSON values."""

    detail: str
    result: dict[str, Any] = field(default_factory=dict[str, Any])
    is_success: bool = True


class JobWork(Protocol):
    """One kind of work. Methods raise BeamsessionError and OSError with what a person has to know."""

    def check(self, job: Job) -> None:
        """Refuse what cannot be done; asked before the work begins, and not again when that is done again."""
        ...

    def do(self, job: Job, watch: JobWatch) -> Done:
        """Do it, from the beginning: a try before may have been cut short anywhere, and left something to tidy up.

        It may be unwanted already: the watch is asked before anything that lasts is done.
        """
        ...


class _Try(BaseModel):
    """What became of one try; RUNNING: it is to be tried again, None: nobody needs to be told."""

    state: JobState | None = None
    detail: str = ""
    result: dict[str, Any] = {}


class JobRunner:
    """Runs inside the job database: everything with an effect is in a step, the rest gives the same at a second run."""

    def __init__(self, works: Mapping[JobKind, JobWork], store: Store, courier: Courier, brake: Brake) -> None:
        self._works = works
        self._store = store
        self._courier = courier
        self._brake = brake
        self._last_word = LastWord(courier, brake)

    def run(self, job_id: int) -> str:
        """Do the job and tell how it ended; the last word of it, for the job database's own record."""
        checked = self._until_decided("check", job_id, self._check)
        if checked.state is not JobState.DONE:
            return self._end(job_id, checked)
        return self._end(job_id, self._until_decided("work", job_id, self._work))

    def cancel(self, job_id: int) -> str:
        """Say that the job, which waits for its turn, will not be done."""
        return self._end(job_id, self._until_decided("call off", job_id, self._call_off))

    def _until_decided(self, name: str, job_id: int, action: Callable[[Job], _Try]) -> _Try:
        tries = 0
        while True:
            found = _Try.model_validate(jobs.step(name, lambda: self._try(job_id, action).model_dump(mode="json")))
            if found.state is not JobState.RUNNING:
                return found
            jobs.wait(min(_FIRST_PAUSE_S * 2 ** min(tries, 10), _LONGEST_PAUSE_S))
            tries += 1

    def _try(self, job_id: int, action: Callable[[Job], _Try]) -> _Try:
        with self._brake.work():
            try:
                job = self._store.job(job_id)
                return _Try(detail=_ENDED) if job.state.is_end else action(job)
            except JobCancelledError:
                return _Try(state=JobState.CANCELLED, detail="It was ended on request; nothing half done is left.")
            except UnavailableError as fault:
                # Only the store or its manager; without them there is nobody to tell.
                log.warning("job %d waits: %s", job_id, fault.text)
                return _Try(state=JobState.RUNNING)
            except NotFoundError as fault:
                if fault.code == "JOB_NOT_FOUND":
                    return _Try(detail="the store does not know it any more")
                return _Try(state=JobState.FAILED, detail=fault.text)
            except BeamsessionError as fault:
                return _Try(state=JobState.FAILED, detail=fault.text)
            except OSError as fault:
                return _Try(state=JobState.FAILED, detail=f"The disk does not answer as it should: {fault}.")
            except Exception as fault:
                log.exception("job %d failed in a way nobody foresaw", job_id)
                return _Try(state=JobState.FAILED, detail=unforeseen(fault))

    def _check(self, job: Job) -> _Try:
        if job.cancel_asked:
            raise JobCancelledError
        # Delivered, not posted: once this job may have an effect, nobody finds it waiting and calls it off.
        if not self._courier.deliver(job_progress(job.id, JobState.RUNNING, job.progress)):
            return _Try(detail=_ENDED)
        self._watch(job).require_wanted()  # Who called it off while it still waited had asked for that before.
        self._works[job.kind].check(job)
        return _Try(state=JobState.DONE)

    def _work(self, job: Job) -> _Try:
        done = self._works[job.kind].do(job, self._watch(job))
        return _Try(state=JobState.DONE if done.is_success else JobState.FAILED, detail=done.detail, result=done.result)

    def _call_off(self, job: Job) -> _Try:
        if job.state is not JobState.WAITING:
            return _Try(detail="its turn had come")
        return _Try(state=JobState.CANCELLED, detail="It was ended on request before its turn.")

    def _watch(self, job: Job) -> JobWatch:
        return JobWatch(job.id, self._store, self._courier.post, self._brake)

    def _end(self, job_id: int, end: _Try) -> str:
        if end.state is None:
            return end.detail
        share = 1.0 if end.state is JobState.DONE else 0.0
        report = job_progress(job_id, end.state, share, end.detail, end.result)
        self._last_word.tell(report, end.state.value, lambda: self._store.job(job_id).state.is_end)
        log.info("job %d is %s: %s", job_id, end.state.value, end.detail)
        return f"{end.state.value}: {end.detail}"
