"""How far completed sessions are on their way to the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.record.recorder import Recorder
from verb_desk import STAFF, WORKER, Desk, open_desk


@pytest.fixture
def ingesting(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk whose completed sessions go to the catalogue by themselves."""
    with open_desk(tmp_path, recorder, ingest_on_complete=True) as desk:
        yield desk


def completed(desk: Desk) -> int:
    session_id = desk.ask("session_start")
    desk.ask("session_complete")
    return session_id


def test_a_completed_session_waits_for_its_ingest_by_itself(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    shown = ingesting.ask("ingest_show", session=session_id)
    assert (shown["state"], shown["step"], shown["attempts"]) == ("pending", "waiting", 0)


def test_without_a_catalogue_nothing_can_be_sent_to_it(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder, has_catalogue=False) as desk:
        session_id = completed(desk)
        assert desk.refused("ingest_request", session=session_id).code == "NO_CATALOGUE"


def test_metadata_are_fixed_while_the_session_is_on_its_way_to_the_catalogue(desk: Desk) -> None:
    session_id = completed(desk)
    desk.ask("ingest_request", session=session_id)
    desk.ask("metadata_set", session=session_id, values={"a": 1})
    desk.ask("ingest_report", session=session_id, state="running", by=WORKER)
    assert desk.refused("metadata_set", session=session_id, values={"a": 2}).code == "WRONG_STATE"


def test_where_ingests_are_commanded_none_begins_by_itself(desk: Desk) -> None:
    session_id = completed(desk)
    error = desk.refused("ingest_show", session=session_id)
    assert (error.code, error.remedy) == ("INGEST_NOT_FOUND", "Send it with RequestIngest once it is completed.")
    desk.ask("ingest_request", session=session_id)
    assert desk.ask("ingest_show", session=session_id)["state"] == "pending"


def test_only_a_completed_session_can_be_sent(desk: Desk) -> None:
    session_id = desk.ask("session_start")
    assert desk.refused("ingest_request", session=session_id).sentence == f"Session {session_id} is STARTED."
    assert desk.refused("ingest_request", session=99).code == "SESSION_NOT_FOUND"


def test_the_worker_reports_steps_and_what_is_parked_can_be_sent_again(ingesting: Desk) -> None:
    first, second = completed(ingesting), completed(ingesting)
    ingesting.ask("ingest_report", by=WORKER, session=first, state="running", step="checksums", attempts=1)
    ingesting.ask(
        "ingest_report", by=WORKER, session=second, state="parked", step="dataset", detail="No owner group.", attempts=3
    )
    assert [item["session_id"] for item in ingesting.ask("ingest_list")] == [second, first]
    assert [item["session_id"] for item in ingesting.ask("ingest_list", before=second)] == [first]
    (parked,) = ingesting.ask("ingest_list", states=["parked"])
    assert (parked["session_id"], parked["detail"], parked["attempts"]) == (second, "No owner group.", 3)
    ingesting.ask("ingest_request", session=second, by=STAFF)
    assert ingesting.ask("ingest_list", states=["parked"]) == []
    assert ingesting.kinds(second)[-2:] == ["ingest_parked", "ingest_requested"]


def test_a_session_is_archived_once(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    ingesting.ask("session_archive", by=WORKER, session=session_id, pid="pid/1")
    head = ingesting.store.head()
    ingesting.ask("session_archive", by=WORKER, session=session_id, pid="pid/1")
    assert ingesting.store.head() == head
    assert ingesting.state(session_id) == "ARCHIVED"
    assert ingesting.ask("session_show", session=session_id)["dataset_pid"] == "pid/1"
    assert ingesting.ask("ingest_show", session=session_id)["state"] == "done"
    assert ingesting.refused("session_archive", by=WORKER, session=session_id, pid="pid/2").code == "WRONG_STATE"


def test_a_late_report_about_an_archived_session_changes_nothing(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    ingesting.ask("session_archive", by=WORKER, session=session_id, pid="pid/1")
    head = ingesting.store.head()
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state="running")
    assert ingesting.store.head() == head


@pytest.mark.parametrize("verb", ["session_archive", "ingest_report"])
def test_only_the_worker_reports(ingesting: Desk, verb: str) -> None:
    session_id = completed(ingesting)
    given = {"pid": "pid/1"} if verb == "session_archive" else {"state": "done"}
    assert ingesting.refused(verb, by=STAFF, session=session_id, **given).code == "NOT_PERMITTED"


def test_an_overlay_goes_with_the_ingest_and_not_into_the_session(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    ingesting.ask("ingest_request", session=session_id, overlay={"datasetName": "Ceria", "energy": 12.4})
    assert ingesting.ask("ingest_show", session=session_id)["overlay"] == {"datasetName": "Ceria", "energy": 12.4}
    assert ingesting.ask("metadata_show", session=session_id) == {}
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state="parked", step="files")
    ingesting.ask("ingest_request", session=session_id)
    assert ingesting.ask("ingest_show", session=session_id)["overlay"]["datasetName"] == "Ceria"
    ingesting.ask("ingest_request", session=session_id, overlay={})
    assert ingesting.ask("ingest_show", session=session_id)["overlay"] == {}
    ingesting.ask("session_archive", by=WORKER, session=session_id, pid="20.500/1", name="Ceria")
    assert ingesting.ask("ingest_show", session=session_id)["dataset_name"] == "Ceria"


def test_an_overlay_comes_too_late_when_the_document_may_be_sent(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state="parked", step="block 1 of 1")
    assert ingesting.refused("ingest_request", session=session_id, overlay={"a": 1}).code == "WRONG_STATE"
    assert ingesting.ask("ingest_request", session=session_id) is None


def test_an_overlay_cannot_say_what_follows_from_the_session(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    refused = ingesting.refused("ingest_request", session=session_id, overlay={"pid": "20.500/mine", "keywords": 5})
    assert refused.code == "BAD_OVERLAY"
    assert "'pid'" in refused.sentence
    assert "'keywords'" in refused.sentence


def test_parameters_of_an_external_ingestor_are_refused_where_there_is_none(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    refused = ingesting.refused("ingest_request", session=session_id, parameters="--ingest --noninteractive")
    assert refused.code == "NO_EXTERNAL_INGESTOR"
    assert refused.remedy


@pytest.mark.parametrize("state", ["pending", "running", "parked"])
def test_what_is_partly_in_the_catalogue_does_not_change_any_more(ingesting: Desk, state: str) -> None:
    session_id = completed(ingesting)
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state="running", step="block 1 of 2")
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state=state, step="files")
    assert ingesting.ask("ingest_show", session=session_id)["has_dataset"] is True
    assert ingesting.refused("metadata_set", session=session_id, values={"a": 1}).code == "WRONG_STATE"
    assert ingesting.refused("file_remove", session=session_id, path="a").code == "WRONG_STATE"
    assert ingesting.refused("session_restart", session=session_id).code == "WRONG_STATE"


def test_asking_again_while_it_is_under_way_changes_nothing_but_the_log(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    ingesting.ask("ingest_report", by=WORKER, session=session_id, state="running", step="checksums")
    ingesting.ask("ingest_request", session=session_id)
    assert ingesting.ask("ingest_show", session=session_id)["state"] == "running"
    assert ingesting.kinds(session_id)[-1] == "ingest_requested"


def test_the_datasets_of_an_ingest_are_told_once_and_followed_by_number(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    told = [{"pid": f"p/{run}", "run": run or None, "files": 3, "bytes": 7} for run in range(3)]

    def states(**report: Any) -> list[str]:
        ingesting.ask("ingest_report", by=WORKER, session=session_id, state="running", **report)
        return [item["state"] for item in ingesting.ask("ingest_show", session=session_id)["datasets"]]

    assert states(step="files", datasets=told) == ["waiting"] * 3
    assert states(step="dataset 1 of 3", dataset=1) == ["sending", "waiting", "waiting"]
    assert ingesting.ask("ingest_show", session=session_id)["has_dataset"] is False
    assert states(step="dataset 3 of 3", dataset=3) == ["stored", "stored", "sending"]
    assert ingesting.ask("ingest_show", session=session_id)["has_dataset"] is True
    again = [{**item, "state": "stored" if item["run"] is None else "waiting"} for item in told]
    assert states(step="files", datasets=again) == ["stored", "waiting", "waiting"]
    ingesting.ask("session_archive", by=WORKER, session=session_id, pid="p/0", name="all")
    shown = ingesting.ask("ingest_show", session=session_id)["datasets"]
    assert shown == [{**item, "state": "stored"} for item in told]


@pytest.fixture
def commanding(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk whose sessions go to the catalogue by a program of the site."""
    with open_desk(tmp_path, recorder, ingestor_options=("ingest", "tapecopies")) as desk:
        yield desk


def test_parameters_of_an_external_ingestor_are_words_that_may_be_chosen(commanding: Desk) -> None:
    session_id = completed(commanding)
    refused = commanding.refused("ingest_request", session=session_id, parameters="--ingest --token x")
    assert (refused.code, "'token'" in refused.sentence) == ("BAD_PARAMETERS", True)
    commanding.ask("ingest_request", session=session_id, parameters="--ingest --tapecopies 2")
    (*_, asked) = commanding.store.events(session_id=session_id)
    assert asked.payload["parameters"] == "--ingest --tapecopies 2"
    commanding.ask("ingest_report", by=WORKER, session=session_id, state="running", step="ingestor")
    assert commanding.refused("ingest_request", session=session_id, parameters="--ingest").code == "WRONG_STATE"


def test_what_an_external_ingestor_printed_last_is_shown(commanding: Desk) -> None:
    session_id = completed(commanding)
    commanding.ask("ingest_request", session=session_id)
    assert commanding.ask("ingest_show", session=session_id)["output"] == ""
    for output in ("first", "second"):
        commanding.ask("ingest_report", by=WORKER, session=session_id, state="running", step="ingestor", output=output)
    commanding.ask("ingest_report", by=WORKER, session=session_id, state="parked", step="ingestor")
    assert commanding.ask("ingest_show", session=session_id)["output"] == "second"


def test_a_session_that_is_stored_but_not_archived_can_change_and_be_sent_again(commanding: Desk) -> None:
    session_id = completed(commanding)
    commanding.ask("ingest_request", session=session_id)
    commanding.ask("ingest_report", by=WORKER, session=session_id, state="done", step="done", pid="20.500/1", name="n")
    shown = commanding.ask("ingest_show", session=session_id)
    assert (shown["pid"], shown["dataset_name"], commanding.state(session_id)) == ("20.500/1", "n", "COMPLETED")
    commanding.ask("metadata_set", session=session_id, values={"a": 1})
    commanding.ask("ingest_request", session=session_id)
    assert commanding.ask("ingest_show", session=session_id)["state"] == "pending"


def test_what_may_have_been_stored_is_settled_by_somebody_who_has_looked(commanding: Desk) -> None:
    session_id = completed(commanding)
    told = {"session": session_id, "step": "ingestor", "in_doubt": True}
    commanding.ask("ingest_request", session=session_id)
    commanding.ask("ingest_report", by=WORKER, state="running", **told)
    assert commanding.refused("ingest_settle", session=session_id, pid="20.500/1", by=STAFF).code == "WRONG_STATE"
    commanding.ask("ingest_report", by=WORKER, state="parked", **told)
    assert commanding.ask("ingest_retry", by=STAFF) == []
    assert commanding.refused("ingest_settle", session=session_id, pid="20.500/1").code == "NOT_PERMITTED"
    assert commanding.refused("ingest_settle", session=session_id, pid="20.500 /1", by=STAFF).code == "BAD_PID"
    for _ in range(2):
        commanding.ask("ingest_settle", session=session_id, pid="20.500/1", by=STAFF)
    assert commanding.state(session_id) == "ARCHIVED"
    assert commanding.ask("session_show", session=session_id)["dataset_pid"] == "20.500/1"
    assert commanding.kinds(session_id).count("session_archived") == 1
    assert commanding.refused("ingest_settle", session=session_id, pid="20.500/2", by=STAFF).code == "WRONG_STATE"


def test_where_the_catalogue_is_asked_directly_nobody_says_what_it_has(ingesting: Desk) -> None:
    session_id = completed(ingesting)
    refused = ingesting.refused("ingest_settle", session=session_id, pid="20.500/1", by=STAFF)
    assert refused.code == "NO_EXTERNAL_INGESTOR"
