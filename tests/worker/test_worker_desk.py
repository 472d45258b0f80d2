"""What people see of ingests and can do about them, with the real worker: one beamline for all tests here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.session import Ingest, Session
from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue
from worker_rig import Rig, eventually

FILES = {"run_0001.nxs": b"master", "notes.txt": b"two theta"}
DATASETS = "POST /api/v4/datasets"
HEALTH = "GET /api/v3/health"
OPTIONS = """
link = "https://scicat.your.site/datasets/{pid}"
alarm_age_h = 1
[catalogue.blocks]
files = 1
"""


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


@pytest.fixture(scope="module")
def rig(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = Rig(tmp_path_factory.mktemp("desk"), catalogue, OPTIONS)
    try:
        rig.start_manager()
        rig.start_worker()
        yield rig
    finally:
        rig.close()


def ingest_of(rig: Rig, session: Session) -> Ingest:
    found = rig.store.ingest(session.id)
    assert found is not None
    return found


def becomes(rig: Rig, session: Session, state: IngestState) -> Ingest:
    """The ingest once it is in this state."""

    def look() -> Ingest | None:
        found = ingest_of(rig, session)
        return found if found.state is state else None

    try:
        return eventually(look, f"the ingest of session {session.id} is {state.value}")
    except AssertionError as fault:
        raise AssertionError(f"{ingest_of(rig, session)}\n{rig.log()[-6000:]}") from fault


def result_of(rig: Rig, verb: str, **arguments: Any) -> dict[str, Any]:
    """The result of the job that the verb asks for."""
    job = rig.ended(rig.call(verb, **arguments))
    assert job.state.value == "done", job.detail
    return job.result


def test_a_session_that_has_arrived_is_told_of_with_pid_link_and_history(rig: Rig) -> None:
    session = rig.completed_session(FILES)
    becomes(rig, session, IngestState.DONE)
    shown = rig.call("ingest_show", session=session.id)
    assert shown["dataset_link"] == f"https://scicat.your.site/datasets/{shown['pid'].replace('/', '%2F')}"
    kinds = [event["kind"] for event in shown["history"]]
    assert (kinds[0], kinds[-1]) == ("session_completed", "session_archived")
    assert shown["history"][-1]["payload"]["link"] == shown["dataset_link"]
    assert "ingest_running" in kinds
    assert rig.call("session_show", session=session.id)["dataset_link"] == shown["dataset_link"]
    status = rig.call("ingest_status")
    assert status["counts"]["done"] >= 1
    assert status["archived_last_hour"] >= 1
    (standing,) = status["catalogues"]
    assert (standing["target"], standing["state"]) == (rig.catalogue.url, "REACHABLE")


def test_a_dry_run_of_an_open_session_tells_what_would_go_and_touches_nothing(rig: Rig) -> None:
    session = rig.open_session(FILES, metadata={"energy": 12.4})
    before = sorted(path.name for path in rig.folder_of(session.id).rglob("*"))
    sent = rig.catalogue.requests.count()
    result = result_of(rig, "ingest_dry_run", session=session.id)
    assert result["would_go"] is True, result
    (dataset,) = result["datasets"]
    assert (dataset["files"], dataset["bytes"]) == (result["files"], result["bytes"])
    assert dataset["blocks"]["count"] == result["files"] >= len(FILES)
    assert dataset["owner_group"] == "visitors"
    assert dataset["pid"].startswith("beamsim/")
    assert rig.catalogue.requests.count() == sent
    assert rig.store.session(session.id).state is SessionState.STARTED
    names = {path.name for path in rig.folder_of(session.id).rglob("*")}
    assert {name for name in before if not name.startswith(".")} <= names
    rig.call("session_complete")
    assert becomes(rig, session, IngestState.DONE).pid == dataset["pid"]


def test_a_remote_dry_run_asks_the_catalogue_and_stores_nothing_there(rig: Rig) -> None:
    session = rig.open_session(FILES)
    stored = len(rig.catalogue.state.datasets)
    result = result_of(rig, "ingest_dry_run", session=session.id, remote=True)
    assert result["would_go"] is True, result
    assert (result["catalogue"]["account"], result["catalogue"]["groups"]) == ("ingestor", ["ingestor"])
    assert len(rig.catalogue.state.datasets) == stored
    rig.catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, HEALTH, status=503))
    result = result_of(rig, "ingest_dry_run", session=session.id, remote=True)
    assert result["would_go"] is False
    assert "503" in result["problems"][0]["said"]
    rig.call("session_complete")
    becomes(rig, session, IngestState.DONE)


def test_what_our_own_check_finds_is_told_by_field_when_tried_out_and_when_parked(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, DATASETS))
    session = rig.completed_session(FILES)
    becomes(rig, session, IngestState.PARKED)
    rig.call("ingest_request", session=session.id, overlay={"contactEmail": "nobody"})
    eventually(lambda: ingest_of(rig, session).code == "BAD_DATASET", "the new document is refused")
    (problem,) = becomes(rig, session, IngestState.PARKED).problems
    assert (problem.field, problem.setting, problem.severity) == ("contactEmail", "catalogue.contact_email", "error")
    result = result_of(rig, "ingest_dry_run", session=session.id)
    assert result["would_go"] is False
    assert [item["field"] for item in result["problems"]] == ["contactEmail"]
    rig.call("ingest_request", session=session.id, overlay={})
    becomes(rig, session, IngestState.DONE)


def test_the_payload_is_shown_as_it_would_be_and_as_it_was_sent(rig: Rig) -> None:
    session = rig.open_session(FILES, metadata={"energy": 12.4})
    would_be = result_of(rig, "ingest_payload", session=session.id)
    assert would_be["source"] == "would_be"
    assert would_be["datasets"][0]["document"]["scientificMetadata"]["energy"]["value"] == 12.4
    rig.call("session_complete")
    done = becomes(rig, session, IngestState.DONE)
    frozen = result_of(rig, "ingest_payload", session=session.id, files=True)
    assert frozen["source"] == "frozen"
    (dataset,) = frozen["datasets"]
    assert dataset["document"]["pid"] == done.pid
    listed = {file["path"] for block in dataset["blocks"] for file in block["dataFileList"]}
    assert {*FILES} <= listed


def test_a_refusal_is_told_by_field_and_setting_and_all_of_its_kind_are_tried_again_at_once(rig: Rig) -> None:
    fault = Fault(FaultKind.TOO_LARGE, DATASETS, times=2)
    rig.catalogue.faults.add(fault)
    sessions = [rig.completed_session(FILES), rig.completed_session(FILES)]
    for session in sessions:
        parked = becomes(rig, session, IngestState.PARKED)
        assert (parked.code, parked.status, parked.attempts) == ("CATALOGUE_TOO_LARGE", 413, 1)
        assert parked.said
        assert "catalogue.blocks.json_bytes" in parked.detail
        assert not parked.in_doubt
    assert rig.call("ingest_status")["parked_codes"] == {"CATALOGUE_TOO_LARGE": 2}
    alarms = rig.call("ingest_list", states=["parked"], code="CATALOGUE_TOO_LARGE")
    assert [item["session_id"] for item in alarms] == [sessions[1].id, sessions[0].id]
    assert rig.call("ingest_retry", code="NOTHING_LIKE_IT") == []
    assert sorted(rig.call("ingest_retry", code="CATALOGUE_TOO_LARGE")) == [session.id for session in sessions]
    for session in sessions:
        becomes(rig, session, IngestState.DONE)


def test_what_was_given_up_is_not_sent_and_can_be_asked_for_later(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, DATASETS))
    session = rig.completed_session(FILES, metadata={"energy": 12.4})
    becomes(rig, session, IngestState.PARKED)
    assert rig.call("ingest_cancel", session=session.id, reason="It was a test.") == ""
    cancelled = ingest_of(rig, session)
    assert cancelled.state is IngestState.CANCELLED
    assert "It was a test." in cancelled.detail
    rig.call("metadata_set", session=session.id, values={"energy": 13.0})
    assert rig.call("ingest_retry", session=session.id) == [session.id]
    done = becomes(rig, session, IngestState.DONE)
    assert rig.catalogue.state.datasets[done.pid]["scientificMetadata"]["energy"]["value"] == 13.0


def test_a_catalogue_that_is_down_is_probed_once_for_all_and_then_all_go_on(rig: Rig) -> None:
    rig.catalogue.refuse()
    sessions = [rig.completed_session(FILES) for _ in range(3)]

    def is_known() -> bool:
        (standing,) = rig.store.catalogues("B1")
        return standing.state is CatalogueState.UNREACHABLE

    eventually(is_known, "the manager knows that the catalogue is down")
    for session in sessions:
        eventually(lambda session=session: ingest_of(rig, session).code.startswith("CATALOGUE_"), "each says why")
    waiting = rig.call("ingest_show", session=sessions[0].id)
    assert waiting["state"] == "pending"
    told = len(rig.store.events(limit=100_000))
    time.sleep(2.5)  # More than two of the longest pauses: what is no news is not told.
    assert len(rig.store.events(limit=100_000)) - told <= 6
    posted = rig.catalogue.requests.count(DATASETS)
    rig.catalogue.restart()
    for session in sessions:
        becomes(rig, session, IngestState.DONE)
    assert rig.catalogue.requests.count(DATASETS) == posted + len(sessions)
    kinds = [event.kind for event in rig.store.events(limit=100_000)]
    assert kinds.count("catalogue_unreachable") == 1
    assert not is_known()


def test_one_that_waits_for_the_catalogue_can_be_given_up_without_force(rig: Rig) -> None:
    rig.catalogue.refuse()
    session = rig.completed_session(FILES)
    eventually(lambda: ingest_of(rig, session).code.startswith("CATALOGUE_"), "it waits")
    assert rig.call("ingest_cancel", session=session.id) == ""
    posted = rig.catalogue.requests.count(DATASETS)
    rig.catalogue.restart()
    later = rig.completed_session(FILES)
    becomes(rig, later, IngestState.DONE)
    assert rig.catalogue.requests.count(DATASETS) == posted + 1
    assert ingest_of(rig, session).state is IngestState.CANCELLED


def test_what_may_be_in_the_catalogue_is_given_up_by_force_only(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, "POST /api/v3/origdatablocks"))
    session = rig.completed_session(FILES)
    parked = becomes(rig, session, IngestState.PARKED)
    assert (parked.in_doubt, parked.step[:5]) == (True, "block")
    with pytest.raises(Exception, match="cannot be given up just so") as caught:
        rig.call("ingest_cancel", session=session.id)
    assert getattr(caught.value, "code", "") == "DATASET_IN_CATALOGUE"
    left = rig.call("ingest_cancel", session=session.id, force=True)
    assert parked.pid in left
    assert ingest_of(rig, session).state is IngestState.CANCELLED
    assert rig.call("ingest_retry", session=session.id) == [session.id]
    becomes(rig, session, IngestState.DONE)
    blocks = [block for block in rig.catalogue.state.blocks.values() if block["datasetId"] == parked.pid]
    paths = [file["path"] for block in blocks for file in block["dataFileList"]]
    assert len(paths) == len(set(paths))


def test_killed_while_the_server_makes_the_pid_there_is_one_dataset(catalogue: Catalogue, tmp_path: Path) -> None:
    rig = Rig(tmp_path, catalogue, 'pid_mode = "server"\n')
    try:
        rig.start_manager()
        before = {*catalogue.state.datasets}
        fault = Fault(FaultKind.DELAY, DATASETS, seconds=1)
        catalogue.faults.add(fault)
        session = rig.completed_session(FILES)
        rig.start_worker()
        eventually(lambda: fault not in catalogue.faults.pending(), "the request has come")
        rig.kill_worker()
        eventually(lambda: len(catalogue.state.datasets) > len(before), "it is obeyed, and nobody is told")
        rig.start_worker()
        becomes(rig, session, IngestState.DONE)
        (pid,) = {*catalogue.state.datasets} - before
        assert rig.store.session(session.id).dataset_pid == pid
    finally:
        rig.close()
