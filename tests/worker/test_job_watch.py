"""A job is looked after without being a burden: few reports, few looks at the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.principal import Caller, Principal
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.job_watch import JobCancelledError, JobWatch
from beamsession.servers.worker.reports import Report
from beamsession.store import Store

ANNA = Caller(Principal("anna"), "cli")


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(f"sqlite:///{tmp_path / 'store.sqlite'}")) as store:
        yield store


@pytest.fixture
def job(store: Store) -> Job:
    with store.transaction(ANNA, "B1") as change:
        return change.new_job(JobKind.ZIP, "Write session 1 into all.zip.", {})


def cancel(store: Store, job: Job) -> None:
    with store.transaction(ANNA, "B1") as change:
        change.change_job(job, cancel_asked=True)
        change.event("job_cancel_asked", job_id=job.id)


class Watched:
    """A watch whose reports are kept."""

    def __init__(self, store: Store, job: Job) -> None:
        self.reports: list[Report] = []
        self.time = Time()
        self.watch = JobWatch(job.id, store, self.reports.append, Brake(), self.time)


@pytest.fixture
def watched(store: Store, job: Job) -> Watched:
    return Watched(store, job)


def test_progress_is_told_once_a_second_and_twenty_times_in_all_at_most(watched: Watched) -> None:
    for number in range(10_001):
        watched.time.now += 0.01
        watched.watch.progress(number / 10_000)
    told = [report.arguments["progress"] for report in watched.reports]
    assert 15 <= len(told) <= 20
    assert told == sorted(told)
    slow = len(told)
    for number in range(10_001):
        watched.time.now += 0.0001
        watched.watch.progress(1 + number / 10_000)
    assert len(watched.reports) <= slow + 2


def test_a_request_to_end_it_is_seen_within_half_a_second(watched: Watched, store: Store, job: Job) -> None:
    watched.watch.checkpoint()
    cancel(store, job)
    watched.time.now += 0.4
    watched.watch.checkpoint()
    watched.time.now += 0.2
    with pytest.raises(JobCancelledError):
        watched.watch.checkpoint()


def test_a_report_says_that_the_job_is_running(watched: Watched, job: Job) -> None:
    watched.watch.tell(0.25, "3 of 12 files")
    (report,) = watched.reports
    assert report.verb == "job_report"
    assert report.arguments["job"] == job.id
    assert (report.arguments["state"], report.arguments["progress"]) == (JobState.RUNNING.value, 0.25)
