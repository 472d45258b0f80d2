"""Several workers on one PostgreSQL: what one leaves another does, once, and what all need is waited for."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from beamsession.model.errors import UnavailableError
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue
from crew_rig import BLOCKS, CONSOLE, DATASETS, NEWER, Crew, Databases
from worker_rig import eventually

FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 100_000, "notes.txt": b"two theta"}
LEASE_S = 4.0
TAKEN_OVER_S = 30.0
_ALL = "SELECT workflow_uuid, executor_id FROM dbos.workflow_status"
_BEGUN = f"{_ALL} WHERE status = 'PENDING' AND workflow_uuid LIKE 'B1/%'"


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


@pytest.fixture(scope="module")
def crew(databases: Databases, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    databases.make_empty()
    crew = Crew(tmp_path_factory.mktemp("crew") / "b1", databases, catalogue, "B1", LEASE_S)
    try:
        crew.rig.start_manager()
        yield crew
    finally:
        crew.close()


def doers(databases: Databases, asked: str = _BEGUN) -> dict[str, str]:
    """Who is at each piece of work that was begun, by its id."""
    engine = create_engine(databases.store_url.replace("/store", "/jobs"), poolclass=NullPool)
    with engine.connect() as connection:
        return {row.workflow_uuid: row.executor_id for row in connection.execute(text(asked))}


def taken_over(databases: Databases, work: str, gone: str, begun: float) -> None:
    """Wait until another worker has that work, and print after how long."""
    eventually(lambda: doers(databases).get(work, gone) != gone, f"{work} is taken over", TAKEN_OVER_S)
    print(f"{work} was taken over from {gone} within {time.monotonic() - begun:.1f} s")


def test_what_a_killed_worker_had_begun_goes_on_with_another_and_nothing_is_stored_twice(
    crew: Crew, databases: Databases, catalogue: Catalogue
) -> None:
    catalogue.faults.add(Fault(FaultKind.DELAY, BLOCKS, nth=2, seconds=2))
    crew.start("w1")
    crew.await_at_work("w1")
    sessions = [crew.rig.completed_session(FILES) for _ in range(2)]
    eventually(lambda: not catalogue.faults.pending(), "a block is on its way")
    crew.start("w2")
    crew.start("w3", program=CONSOLE)
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, BLOCKS, times=0, status=503))
    crew.await_at_work("w2", "w3")
    (work, *_) = [work for work, doer in doers(databases).items() if doer == "B1/w1"]
    crew.workers["w1"].kill()
    begun = time.monotonic()
    taken_over(databases, work, "B1/w1", begun)
    catalogue.faults.clear()
    crew.archived(*sessions)


def test_a_frozen_worker_loses_its_work_and_cannot_go_on_with_it(
    crew: Crew, databases: Databases, catalogue: Catalogue
) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, DATASETS, times=0, status=503))
    session = crew.rig.completed_session(FILES)
    work = f"B1/ingest-{session.id}"
    doer = eventually(lambda: doers(databases).get(work), "it is begun")
    name = doer.removeprefix("B1/")
    eventually(lambda: catalogue.requests.count(DATASETS) > 4, "it is tried again and again")
    crew.workers[name].send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    taken_over(databases, work, doer, begun)
    catalogue.faults.clear()
    crew.archived(session)
    sent = catalogue.requests.count("POST *")
    crew.workers[name].send_signal(signal.SIGCONT)
    crew.await_said(name, "the worker begins anew")
    crew.await_at_work(name, times=2)
    assert catalogue.requests.count("POST *") == sent
    crew.archived(session)


def test_who_has_the_name_of_another_or_does_not_see_the_folder_is_refused(crew: Crew) -> None:
    second = crew.start("w2", state="w2-again")
    stranger = crew.start("w4", changes={"/shared": "/elsewhere"})
    assert (second.wait(60), stranger.wait(60)) == (1, 1)
    assert f"process {crew.workers['w2'].pid} on " in crew.log("w2-again")
    assert "is not the one of the other workers" in crew.log("w4")


def test_the_database_server_goes_away_and_comes_back_and_everybody_goes_on(
    crew: Crew, databases: Databases, catalogue: Catalogue
) -> None:
    databases.stop()
    try:
        with pytest.raises(UnavailableError) as refused:
            crew.rig.call("session_start", name="away")
        assert refused.value.code == "STORE_UNAVAILABLE"
        for name in ("w2", "w3"):
            crew.await_said(name, "waiting for a place")
    finally:
        databases.start()
    assert all(crew.workers[name].poll() is None for name in ("w2", "w3"))
    session = eventually(lambda: _completed(crew), "the manager works again")
    crew.archived(session)


def test_two_instruments_share_the_databases_and_not_the_work(
    crew: Crew, databases: Databases, catalogue: Catalogue
) -> None:
    other = Crew(crew.rig.folder.parent / "b2", databases, catalogue, "B2", LEASE_S)
    try:
        other.rig.start_manager()
        other.start("w2")
        other.await_at_work("w2")
        here, there = crew.rig.completed_session(FILES), other.rig.completed_session(FILES)
        assert here.id != there.id
        crew.archived(here)
        other.archived(there)
        done = doers(databases, _ALL)
        assert done[f"B2/ingest-{there.id}"] == "B2/w2"
        assert done[f"B1/ingest-{here.id}"] in {"B1/w2", "B1/w3"}
    finally:
        other.close()


def test_an_older_and_a_newer_worker_are_never_at_one_session_and_the_newer_ends_what_the_older_leaves(
    crew: Crew, databases: Databases, catalogue: Catalogue
) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, DATASETS, times=0, status=503))
    crew.start("w9", program=NEWER)
    crew.await_at_work("w9")
    sessions = [crew.rig.completed_session(FILES) for _ in range(3)]
    work = {f"B1/ingest-{session.id}" for session in sessions}
    eventually(lambda: set(doers(databases)) == work, "all are begun")
    assert set(doers(databases).values()) <= {"B1/w2", "B1/w3"}
    for name in ("w2", "w3"):
        crew.workers[name].kill()
    again = {f"{name}-again-1" for name in work}
    eventually(lambda: doers(databases) == dict.fromkeys(again, "B1/w9"), "the newer one has begun them anew")
    catalogue.faults.clear()
    crew.archived(*sessions)
    older = crew.start("w2")
    assert older.wait(60) == 1
    assert "'w9' is of a newer version" in crew.log("w2")


def _completed(crew: Crew) -> object:
    try:
        return crew.rig.completed_session(FILES)
    except UnavailableError:
        return None
