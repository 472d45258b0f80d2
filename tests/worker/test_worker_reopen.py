"""A session that is opened again goes to the catalogue as it is when it is completed last, and never in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from beamsession.model.errors import BeamsessionError
from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Fault, FaultKind
from worker_rig import AtWork, Rig, eventually

FILES = {"run_0001.nxs": b"master", "notes.txt": b"two theta"}
DATASETS = "POST /api/v4/datasets"
HELD = {"catalogue_options": "hold_s = 3600\n"}
at_work = pytest.mark.parametrize("rig", [AtWork()], indirect=True)


def wait_for(rig: Rig, session: Session, state: SessionState) -> Session:
    eventually(
        lambda: rig.store.session(session.id).state is state, f"{state}; {rig.store.ingest(session.id)}\n{rig.log()}"
    )
    return rig.store.session(session.id)


def dataset(rig: Rig) -> dict[str, Any]:
    (only,) = rig.catalogue.state.datasets.values()
    return only


def listed(rig: Rig) -> set[str]:
    return {file["path"] for block in rig.catalogue.state.blocks.values() for file in block["dataFileList"]}


def parked(rig: Rig, session: Session) -> str:
    def look() -> str:
        ingest = rig.store.ingest(session.id)
        return ingest.detail if ingest is not None and ingest.state is IngestState.PARKED else ""

    return eventually(look, f"session {session.id} is parked; {rig.store.ingest(session.id)}\n{rig.log()}")


def write(rig: Rig, session: Session, name: str) -> None:
    (rig.folder_of(session.id) / name).write_bytes(b"later")


@pytest.mark.parametrize("rig", [HELD], indirect=True)
def test_opened_again_during_its_hold_it_is_held_anew_and_sent_once_with_everything(rig: Rig) -> None:
    rig.start_worker()
    session = rig.completed_session(FILES)
    rig.call("session_restart", session=session.id)
    write(rig, session, "later.txt")
    rig.call("metadata_set", values={"sample": "CeO2"})
    rig.call("session_complete")
    again = rig.store.session(session.id)
    assert again.stop is not None
    assert session.stop is not None
    assert again.stop > session.stop
    rig.call("ingest_request", session=session.id)
    wait_for(rig, session, SessionState.ARCHIVED)
    assert {"later.txt", *FILES} <= listed(rig)
    assert dataset(rig)["scientificMetadata"]["sample"]["value"] == "CeO2"
    assert rig.catalogue.requests.count(DATASETS) == 1


@at_work
def test_opened_again_after_it_was_parked_it_is_sent_when_it_is_completed_again(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, DATASETS))
    session = rig.completed_session(FILES)
    parked(rig, session)
    rig.call("session_restart", session=session.id)
    write(rig, session, "later.txt")
    rig.call("session_complete")
    wait_for(rig, session, SessionState.ARCHIVED)
    assert {"later.txt", *FILES} <= listed(rig)


@at_work
def test_what_an_unclear_answer_may_have_left_in_the_catalogue_is_looked_for_and_never_mixed(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.FAIL_AFTER, DATASETS, status=500, times=3))
    session = rig.completed_session(FILES)
    parked(rig, session)
    before = dataset(rig)
    rig.call("session_restart", session=session.id)
    write(rig, session, "later.txt")
    rig.call("session_complete")
    assert "as it was before it was opened again" in eventually(
        lambda: detail if "opened again" in (detail := parked(rig, session)) else "", "it is parked again"
    )
    assert dataset(rig) == before
    assert not rig.catalogue.state.blocks


@pytest.mark.crash
@pytest.mark.parametrize("rig", [HELD], indirect=True)
def test_a_request_made_while_no_worker_ran_ends_the_hold_at_its_next_start(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    rig.start_worker()
    eventually(lambda: (rig.folder_of(session.id) / "events.jsonl").exists(), "the worker follows the log")
    rig.kill_worker()
    rig.call("ingest_request", session=session.id)
    rig.start_worker()
    wait_for(rig, session, SessionState.ARCHIVED)


@at_work
def test_while_it_is_sent_nobody_changes_it_or_opens_it_again(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, DATASETS, seconds=3))
    session = rig.completed_session(FILES)
    eventually(lambda: not rig.catalogue.faults.pending(), "the dataset is on its way")
    for verb, arguments in (("session_restart", {}), ("metadata_set", {"values": {"late": 1}})):
        with pytest.raises(BeamsessionError):
            rig.call(verb, session=session.id, **arguments)
    wait_for(rig, session, SessionState.ARCHIVED)


def test_nothing_is_sent_before_the_manager_has_taken_note_that_it_begins(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    rig.kill_manager()
    rig.start_worker()
    eventually(lambda: "waits at 'files'" in rig.log(), "the ingest waits for the manager")
    assert rig.catalogue.requests.count(DATASETS) == 0
    rig.start_manager()
    wait_for(rig, session, SessionState.ARCHIVED)


@at_work
def test_an_overlay_is_laid_over_the_one_document_and_not_kept_in_the_session(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, DATASETS))
    session = rig.completed_session(FILES, metadata={"sample": "CeO2", "energy": 12})
    parked(rig, session)
    overlay = {"datasetName": "Łukasz's best", "keywords": "ceria", "sample": "CeO2, batch 7"}
    rig.call("ingest_request", session=session.id, overlay=overlay)
    done = wait_for(rig, session, SessionState.ARCHIVED)
    sent = dataset(rig)
    assert (sent["datasetName"], sent["keywords"]) == ("Łukasz's best", ["ceria"])
    assert sent["scientificMetadata"]["sample"]["value"] == "CeO2, batch 7"
    assert sent["scientificMetadata"]["energy"]["value"] == 12
    assert done.metadata == {"sample": "CeO2", "energy": 12}
    ingest = rig.store.ingest(session.id)
    assert ingest is not None
    assert (ingest.dataset_name, ingest.pid) == ("Łukasz's best", sent["pid"])


@pytest.mark.parametrize("rig", [{"catalogue_options": "hold_s = 2\n"}], indirect=True)
def test_a_session_completed_again_is_held_for_the_whole_time_again(rig: Rig) -> None:
    rig.start_worker()
    session = rig.completed_session(FILES)
    rig.call("session_restart", session=session.id)
    rig.call("session_complete")
    wait_for(rig, session, SessionState.ARCHIVED)
    running = next(event for event in rig.store.events(limit=1000) if event.kind == "ingest_running")
    stop = rig.store.session(session.id).stop
    assert stop is not None
    assert running.time - stop >= timedelta(seconds=2)
