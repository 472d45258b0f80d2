"""A job has its turn once: nobody calls off what is being done, and nothing is done that was called off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS

from beamsession.model.errors import UnavailableError
from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.principal import Caller, Principal
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.job_runner import Done, JobRunner
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.servers.worker.jobs import JobDatabase, Lane
from beamsession.servers.worker.reports import Report
from beamsession.store import Store
from worker_rig import eventually

ANNA = Caller(Principal("anna"), "cli")
# The manager takes its time when it hears that a job's turn has come: long enough for the work to be ahead of it.
_SLOW_S = 1.0


class Site:
    """A store with one job, the durable work on it, and those whom it is told to.

    `on_turn` is called when the job's turn has come and before that is in the store.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(f"sqlite:///{folder / 'store.sqlite'}")
        with self.store.transaction(ANNA, "B1") as change:
            self.job_id = change.new_job(JobKind.ZIP, "Write session 1 into all.zip.", {}).id
        self.shares: list[float] = []
        self.on_turn: Callable[[], object] = lambda: None
        self.work: Callable[[JobWatch], None] = lambda _watch: None
        self.worked = 0
        brake = Brake()
        courier = Courier(self, brake)
        courier.start()
        self._database = JobDatabase(f"sqlite:///{folder / 'jobs.sqlite'}", "B1", "test")
        self._database.learn("job", JobRunner({JobKind.ZIP: self}, self.store, courier, brake).run)
        self._database.launch()

    def run(self) -> Job:
        """The job after it had its turn."""
        self._database.enqueue(Lane.JOBS, "job", self.job_id, "the job")
        eventually(lambda: not any(self._database.known("the job").values()), "its turn is over")
        return self.store.job(self.job_id)

    def check(self, job: Job) -> None:
        """Nothing is refused."""

    def do(self, job: Job, watch: JobWatch) -> Done:
        """See `work`."""
        self.worked += 1
        self.work(watch)
        return Done("It is done.")

    def send(self, report: Report, request_id: str = "") -> Any:
        """What the manager does with a report."""
        told = report.arguments
        if told["state"] == "running" and not self.shares:
            time.sleep(_SLOW_S)
            self.on_turn()
        self.shares.append(told["progress"])
        return self.change(state=JobState(told["state"]), progress=told["progress"], detail=told["detail"])

    def change(self, **fields: Any) -> bool:
        """Change the job; False if it has ended already."""
        with self.store.transaction(ANNA, "B1") as change:
            job = change.job(self.job_id)
            if not job.state.is_end:
                change.change_job(job, **fields)
                change.event("job_changed", job_id=job.id)
        return not job.state.is_end


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    with closing(site.store):
        yield site
        DBOS.destroy()


def test_a_job_called_off_before_its_turn_is_in_the_store_is_not_done(site: Site) -> None:
    site.on_turn = lambda: site.change(state=JobState.CANCELLED, cancel_asked=True, detail="called off")
    job = site.run()
    assert (job.state, job.detail, site.worked) == (JobState.CANCELLED, "called off", 0)


def test_a_job_whose_end_was_asked_for_as_its_turn_came_is_not_done(site: Site) -> None:
    site.on_turn = lambda: site.change(cancel_asked=True)
    job = site.run()
    assert (job.state, site.worked) == (JobState.CANCELLED, 0)


def test_work_begins_only_when_the_store_says_so(site: Site) -> None:
    seen: list[JobState] = []
    site.work = lambda _watch: seen.append(site.store.job(site.job_id).state)
    assert site.run().state is JobState.DONE
    assert seen == [JobState.RUNNING]


def test_progress_never_goes_back_while_a_job_waits_for_a_server(site: Site) -> None:
    def work(watch: JobWatch) -> None:
        if site.worked == 1:
            watch.tell(0.5)
            eventually(lambda: site.store.job(site.job_id).progress == 0.5, "half of it is told")
            raise UnavailableError("The store does not answer.", code="STORE_UNAVAILABLE")
        assert site.store.job(site.job_id).progress == 0.5

    site.work = work
    job = site.run()
    assert (job.state, site.worked) == (JobState.DONE, 2)
    assert site.shares == sorted(site.shares)


def test_a_fault_that_nobody_foresaw_is_told_in_a_sentence_though_it_has_no_words(site: Site) -> None:
    def work(_watch: JobWatch) -> None:
        raise AssertionError

    site.work = work
    job = site.run()
    assert job.state is JobState.FAILED
    assert job.detail.startswith("The worker failed in a way nobody foresaw (AssertionError). Look in its log")
