"""A completed session comes into the catalogue, once and whole, whatever fails on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.pid import session_pid
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.clock import utc_now
from beamsession.model.principal import Caller, Principal
from beamsession.model.session import AddedFile, Session
from beamsession.model.states import IngestState, SessionState
from beamsession.store import Store
from beamsim.scicat import Fault, FaultKind
from worker_rig import AtWork, Rig, eventually

FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 5_000_000, "added/notes.txt": b"two theta"}
BLOCKS = "POST /api/v3/origdatablocks"
DATASETS = "POST /api/v4/datasets"
at_work = pytest.mark.parametrize("rig", [AtWork("[catalogue.blocks]\nfiles = 2\n")], indirect=True)


def archived(rig: Rig, session: Session) -> Session:
    """The session as it is once it is ARCHIVED."""

    def look() -> Session | None:
        found = rig.store.session(session.id)
        return found if found.state is SessionState.ARCHIVED else None

    try:
        return eventually(look, f"session {session.id} is archived")
    except AssertionError as fault:
        raise AssertionError(f"{rig.store.ingest(session.id)}\n{rig.log()}") from fault


def in_catalogue(rig: Rig, session: Session) -> dict[str, Any]:
    """The one dataset in the catalogue, proven to list each file of the folder once, with its size and checksum."""
    (dataset,) = rig.catalogue.state.datasets.values()
    listed = [file for block in rig.catalogue.state.blocks.values() for file in block["dataFileList"]]
    folder = rig.data_root / session.folder
    on_disk = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "later_"))
    }
    assert sorted(file["path"] for file in listed) == sorted(on_disk)
    for file in listed:
        content = on_disk[file["path"]]
        assert (file["size"], file["chk"]) == (len(content), hashlib.sha256(content).hexdigest()), file["path"]
    assert dataset["numberOfFiles"] == len(on_disk)
    assert dataset["size"] == sum(map(len, on_disk.values()))
    return dataset


def events(rig: Rig, session: Session, kind: str) -> int:
    return sum(event.kind == kind for event in rig.store.events(limit=100_000, session_id=session.id))


@at_work
def test_a_completed_session_is_archived_with_all_its_files(rig: Rig) -> None:
    session = rig.completed_session(FILES, metadata={"energy": {"value": 12.4, "unit": "keV"}})
    pid = archived(rig, session).dataset_pid
    dataset = in_catalogue(rig, session)
    assert dataset["pid"] == pid
    assert dataset["scientificMetadata"]["energy"]["value"] == 12.4
    ingest = rig.store.ingest(session.id)
    assert ingest is not None
    assert (ingest.state, ingest.pid) == (IngestState.DONE, pid)
    assert events(rig, session, "session_archived") == 1
    written = json.loads((rig.data_root / session.folder / "session.json").read_text())
    assert written["session"]["state"] == "COMPLETED"


def test_sessions_completed_while_no_worker_ran_are_taken_up(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    rig.start_worker()
    archived(rig, session)
    in_catalogue(rig, session)


@pytest.mark.crash
def test_killed_after_every_request_it_goes_on_and_stores_nothing_twice(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    lives = 0
    while rig.store.session(session.id).state is not SessionState.ARCHIVED:
        lives += 1
        assert lives < 40, rig.log()
        seen = rig.catalogue.requests.count()
        worker = rig.start_worker()
        eventually(
            lambda seen=seen, lives=lives: (
                rig.catalogue.requests.count() >= seen + lives
                or rig.store.session(session.id).state is SessionState.ARCHIVED
            ),
            f"life {lives} goes on; {rig.store.ingest(session.id)}",
        )
        worker.kill()
        worker.wait(60)
    assert lives > 1, "it was never killed in the middle"
    in_catalogue(rig, session)
    assert events(rig, session, "session_archived") == 1


@pytest.mark.crash
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.DELAY, DATASETS, seconds=3),
        Fault(FaultKind.DELAY, BLOCKS, nth=2, seconds=3),
        Fault(FaultKind.DELAY, "GET /api/v4/datasets/*", seconds=3),
    ],
    ids=["dataset", "block", "verify"],
)
def test_killed_while_a_request_is_on_its_way_it_looks_before_it_sends_again(rig: Rig, fault: Fault) -> None:
    rig.catalogue.faults.add(fault)
    session = rig.completed_session(FILES)
    rig.start_worker()
    eventually(lambda: fault not in rig.catalogue.faults.pending(), "the request has come")
    rig.kill_worker()
    time.sleep(fault.seconds)  # The request is answered, to nobody, before the next worker looks.
    rig.start_worker()
    archived(rig, session)
    in_catalogue(rig, session)
    assert events(rig, session, "session_archived") == 1


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(FaultKind.FAIL_AFTER, DATASETS, status=500)],
        [Fault(FaultKind.FAIL_BEFORE, DATASETS, status=502, times=4)],
        [Fault(FaultKind.CUT_AFTER, DATASETS), Fault(FaultKind.CUT_AFTER, BLOCKS, nth=2)],
        [Fault(FaultKind.CUT_BEFORE, BLOCKS), Fault(FaultKind.FAIL_AFTER, BLOCKS, nth=3, status=500)],
        [Fault(FaultKind.TOO_MANY, BLOCKS, seconds=1), Fault(FaultKind.CUT_MIDDLE, BLOCKS, nth=3)],
        [Fault(FaultKind.EXPIRE_TOKENS, BLOCKS), Fault(FaultKind.EXPIRE_TOKENS, DATASETS)],
        [Fault(FaultKind.WRONG_JSON, DATASETS), Fault(FaultKind.WRONG_JSON, "GET /api/v4/datasets/*")],
    ],
    ids=["500-after", "502-before", "cut-after", "cut-before", "429", "expired", "nonsense"],
)
@at_work
def test_the_catalogue_s_lapses_cost_time_only(rig: Rig, faults: list[Fault]) -> None:
    rig.catalogue.faults.add(*faults)
    session = rig.completed_session(FILES)
    archived(rig, session)
    in_catalogue(rig, session)


def test_a_catalogue_that_is_down_is_waited_for_and_the_reason_is_shown(rig: Rig) -> None:
    rig.catalogue.refuse()
    rig.start_worker()
    session = rig.completed_session(FILES)

    def waits() -> bool:
        ingest = rig.store.ingest(session.id)
        return ingest is not None and ingest.state is IngestState.PENDING and "Waiting" in ingest.detail

    eventually(waits, "the store says that the ingest waits")
    rig.kill_worker()
    rig.start_worker()
    rig.catalogue.restart()
    archived(rig, session)
    in_catalogue(rig, session)


def test_a_manager_that_goes_down_does_not_stop_the_ingest_and_is_told_later(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, DATASETS, seconds=2))
    session = rig.completed_session(FILES)
    rig.start_worker()
    eventually(lambda: not rig.catalogue.faults.pending(), "the dataset is on its way")
    rig.kill_manager()
    eventually(lambda: len(rig.catalogue.state.blocks) == 3, "all blocks are in the catalogue")
    assert rig.store.session(session.id).state is SessionState.COMPLETED
    rig.start_manager()
    archived(rig, session)
    in_catalogue(rig, session)
    assert events(rig, session, "session_archived") == 1


def parked(rig: Rig, session: Session) -> str:
    """The sentence of the ingest once it is parked."""

    def look() -> str:
        ingest = rig.store.ingest(session.id)
        return ingest.detail if ingest is not None and ingest.state is IngestState.PARKED else ""

    return eventually(look, f"session {session.id} is parked; {rig.store.ingest(session.id)}\n{rig.log()}")


@at_work
def test_a_refusal_parks_the_session_with_the_reason_until_it_is_asked_for_again(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, DATASETS))
    session = rig.completed_session(FILES)
    sentence = parked(rig, session)
    assert "413" in sentence
    assert "ask for the ingest again" in sentence
    rig.call("ingest_request", session=session.id)
    archived(rig, session)
    in_catalogue(rig, session)


def test_a_foreign_dataset_under_our_pid_is_never_touched(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    target = rig.beamline.catalogue
    assert isinstance(target, CatalogueTarget)
    pid = session_pid(target, instrument="B1", session_id=session.id)
    with CatalogueClient(target) as client:
        client.create_dataset(
            {
                "pid": pid,
                "type": "raw",
                "owner": "somebody",
                "contactEmail": "a@your.site",
                "ownerGroup": "visitors",
                "accessGroups": ["ingestor"],
                "sourceFolder": "/elsewhere",
                "creationTime": "2026-11-21T10:00:00.000Z",
                "datasetName": "not ours",
            }
        )
    rig.start_worker()
    assert "another dataset" in parked(rig, session)
    assert not rig.catalogue.state.blocks
    assert rig.catalogue.state.datasets[pid]["datasetName"] == "not ours"


def test_a_worker_that_lost_its_own_folder_resumes_what_is_in_the_catalogue(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, BLOCKS, nth=2, seconds=3))
    session = rig.completed_session(FILES)
    rig.start_worker()
    eventually(lambda: not rig.catalogue.faults.pending(), "the second block is on its way")
    rig.kill_worker()
    time.sleep(3)
    for path in rig.state.iterdir():
        if path.name.startswith(("jobs.sqlite", "worker-position")):
            path.unlink()
    shutil.rmtree(rig.state / "ingest")
    rig.start_worker()
    archived(rig, session)
    in_catalogue(rig, session)


@at_work
def test_files_added_from_outside_come_into_the_folder_and_the_catalogue(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "Łukasz 2θ.log"
    outside.write_bytes(b"outside")
    session_id = rig.call("session_start", name="added")
    session_id = session_id["id"] if isinstance(session_id, dict) else session_id
    with (
        closing(Store.open(rig.beamline.store_url)) as store,
        store.transaction(Caller(Principal("anna"), "cli"), "B1") as change,
    ):
        file = AddedFile(session_id=session_id, path=str(outside), added=utc_now(), size=7, modified=utc_now())
        change.add_file(file)
        change.event("file_added", session_id=session_id, path=str(outside))
    rig.call("session_complete")
    session = archived(rig, rig.store.session(session_id))
    in_catalogue(rig, session)
    assert (rig.data_root / session.folder / "added" / outside.name).read_bytes() == b"outside"


@pytest.mark.parametrize("rig", ['when = "on_command"\n'], indirect=True)
def test_on_command_nothing_goes_before_it_is_asked_for(rig: Rig) -> None:
    rig.start_worker()
    first = rig.completed_session(FILES)
    eventually(lambda: (rig.data_root / first.folder / "events.jsonl").exists(), "the worker follows the log")
    assert rig.catalogue.requests.count(DATASETS) == 0
    rig.call("ingest_request", session=first.id)
    archived(rig, first)
    in_catalogue(rig, first)


@pytest.mark.parametrize("rig", ["hold_s = 3600\n"], indirect=True)
def test_a_held_session_stays_editable_and_goes_at_once_when_asked_for(rig: Rig) -> None:
    rig.start_worker()
    session = rig.completed_session(FILES)
    rig.call("metadata_set", session=session.id, values={"sample": "CeO2"})
    assert rig.store.session(session.id).state is SessionState.COMPLETED
    rig.call("ingest_request", session=session.id)
    archived(rig, session)
    assert in_catalogue(rig, session)["scientificMetadata"]["sample"]["value"] == "CeO2"


def test_sigterm_in_the_middle_of_a_step_stops_it_cleanly_and_the_work_goes_on_later(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, BLOCKS, nth=2, seconds=30))
    worker = rig.start_worker()
    session = rig.completed_session(FILES)
    eventually(lambda: not rig.catalogue.faults.pending(), "the worker is in the middle of a block")
    begun = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - begun < 5
    rig.start_worker()
    archived(rig, session)


def test_a_second_worker_on_the_same_job_database_names_the_first_and_leaves(rig: Rig) -> None:
    first = rig.start_worker()
    eventually(lambda: "is at work" in rig.log(), "the first worker works")
    second = rig.start_worker()
    assert second.wait(30) == 1
    assert f"process {first.pid}" in rig.log()
    rig.worker = first


def test_an_ingest_rests_while_no_catalogue_is_configured_and_then_goes_on(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, BLOCKS, nth=2, seconds=3))
    configuration = rig.config.read_text()
    session = rig.completed_session(FILES)
    rig.start_worker()
    eventually(lambda: not rig.catalogue.faults.pending(), "the second block is on its way")
    rig.kill_worker()
    rig.config.write_text(configuration.partition("[catalogue]")[0])
    rig.start_worker()
    eventually(lambda: rig.log().count("is at work") == 2, "the worker works")
    rig.call("session_rename", session=session.id, title="while there was no catalogue")
    later = rig.folder_of(session.id) / "later_events.jsonl"
    eventually(lambda: "session_renamed" in later.read_text(), "the worker follows the log")
    assert rig.store.session(session.id).state is SessionState.COMPLETED
    rig.kill_worker()
    rig.config.write_text(configuration)
    rig.start_worker()
    archived(rig, session)
    in_catalogue(rig, session)
