"""A catalogue that is down is asked by one probe, ever more rarely, and whoever waits for it is woken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.servers.worker.ingest.breaker import Breaker
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue
from worker_rig import eventually

HEALTH = "GET /api/v3/health"
DOWN = CatalogueError("It is down.", nature=Nature.TRANSIENT, status=502)


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


class Watched:
    """A breaker on a real catalogue, and what it did."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        secret = folder / "secret"
        secret.write_text("ingestor")
        target = CatalogueTarget(
            url=catalogue.url, username="ingestor", password_file=secret, contact_email="a@your.site"
        )
        self.told: list[tuple[CatalogueState, str]] = []
        self.woken: list[int] = []
        self.breaker = Breaker(
            probe=CatalogueClient(target).health,
            hurry=lambda session_id, key: self.woken.append(session_id),
            told=lambda state, reason: self.told.append((state, reason)),
            first_s=0.1,
            longest_s=0.4,
        )

    @property
    def states(self) -> list[CatalogueState]:
        return [state for state, _ in self.told]


@pytest.fixture
def watched(catalogue: Catalogue, tmp_path: Path) -> Watched:
    return Watched(catalogue, tmp_path)


def within(condition: Callable[[], Any], what: str) -> None:
    eventually(condition, what, 20)


def test_at_the_start_it_is_found_out_whether_the_catalogue_is_there(catalogue: Catalogue, watched: Watched) -> None:
    assert watched.breaker.state is CatalogueState.UNKNOWN
    assert watched.breaker.refusal == ""
    watched.breaker.start()
    within(lambda: watched.states == [CatalogueState.REACHABLE], "it is known")
    asked = catalogue.requests.count(HEALTH)
    time.sleep(0.5)
    assert catalogue.requests.count(HEALTH) == asked == 1


def test_it_opens_once_tells_why_and_wakes_each_that_waits_once(catalogue: Catalogue, watched: Watched) -> None:
    catalogue.refuse()
    watched.breaker.start()
    within(lambda: watched.states == [CatalogueState.UNREACHABLE], "it is open")
    assert "does not answer" in watched.breaker.refusal
    for _ in range(5):
        watched.breaker.failed(DOWN)
    watched.breaker.waits(3, 0)
    watched.breaker.waits(4, 2)
    watched.breaker.waits(4, 3)
    time.sleep(0.5)
    assert watched.woken == []
    catalogue.restart()
    within(lambda: sorted(watched.woken) == [3, 4], "both go on")
    assert watched.states == [CatalogueState.UNREACHABLE, CatalogueState.REACHABLE]
    assert watched.breaker.refusal == ""


def test_whoever_comes_to_wait_when_it_is_closed_again_is_woken_too(watched: Watched) -> None:
    watched.breaker.start()
    within(lambda: watched.states == [CatalogueState.REACHABLE], "it is known")
    watched.breaker.waits(7, 1)
    within(lambda: watched.woken == [7], "it goes on")


def test_one_that_finds_it_down_again_and_again_waits_for_its_own_time(watched: Watched) -> None:
    watched.breaker.start()
    watched.breaker.waits(8, 4)
    watched.breaker.waits(9, 3)
    within(lambda: 9 in watched.woken, "the patient one goes on")
    assert 8 not in watched.woken


def test_a_catalogue_that_answers_the_probe_only_is_asked_ever_more_rarely(
    catalogue: Catalogue, watched: Watched
) -> None:
    watched.breaker.start()
    pauses: list[float] = []
    for _ in range(4):
        within(lambda: watched.breaker.state is CatalogueState.REACHABLE, "it is closed")
        begun = time.monotonic()
        watched.breaker.failed(DOWN)
        within(lambda: watched.breaker.state is CatalogueState.REACHABLE, "it is closed again")
        pauses.append(time.monotonic() - begun)
    assert pauses[2] >= 0.3
    assert pauses[3] >= 0.3
    watched.breaker.worked()
    assert watched.breaker.state is CatalogueState.REACHABLE


def test_it_waits_as_long_as_the_server_wants(catalogue: Catalogue, watched: Watched) -> None:
    watched.breaker.start()
    within(lambda: watched.states == [CatalogueState.REACHABLE], "it is known")
    begun = time.monotonic()
    watched.breaker.failed(CatalogueError("Later.", nature=Nature.TRANSIENT, status=503, retry_after_s=1.0))
    within(lambda: watched.breaker.state is CatalogueState.REACHABLE, "it is closed again")
    assert time.monotonic() - begun >= 1.0


def test_a_refused_probe_is_an_answer(catalogue: Catalogue, watched: Watched) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, HEALTH, status=503, times=2))
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, HEALTH, nth=3, status=500))
    watched.breaker.start()
    within(lambda: watched.states == [CatalogueState.UNREACHABLE, CatalogueState.REACHABLE], "500 is an answer")
