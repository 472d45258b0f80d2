"""Asking how ingests stand, having them tried again, giving them up, trying them out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.clock import from_text, utc_now
from beamsession.model.job import JobKind
from beamsession.model.states import IngestState
from beamsession.record.recorder import Recorder
from beamsession.verbs.dispatch import Dispatcher
from verb_desk import OTHER, STAFF, USER, WORKER, Desk, open_desk

PROBLEM = {"field": "pid", "said": "PID is wrong", "setting": "catalogue.pid_prefix", "remedy": "Set it."}


@pytest.fixture
def ingesting(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk whose completed sessions go to the catalogue by themselves after an hour."""
    link = "https://scicat.your.site/datasets/{pid}"
    with open_desk(tmp_path, recorder, ingest_on_complete=True, ingest_hold_s=3600, dataset_link=link) as desk:
        yield desk


def completed(desk: Desk) -> int:
    session_id = desk.ask("session_start")
    desk.ask("session_complete")
    return session_id


def report(desk: Desk, session: int, state: str, **more: Any) -> bool:
    return desk.ask("ingest_report", by=WORKER, session=session, state=state, **more)


def test_why_one_is_parked_is_kept_by_field_with_the_server_s_words(ingesting: Desk) -> None:
    session = completed(ingesting)
    report(
        ingesting,
        session,
        "parked",
        step="dataset",
        detail="Refused.",
        code="CATALOGUE_REFUSED",
        status=400,
        said="PID is wrong",
        problems=[PROBLEM],
        in_doubt=False,
        attempts=2,
    )
    shown = ingesting.ask("ingest_show", session=session)
    assert (shown["code"], shown["status"], shown["said"], shown["attempts"]) == (
        "CATALOGUE_REFUSED",
        400,
        "PID is wrong",
        2,
    )
    assert shown["problems"] == [{**PROBLEM, "severity": "error"}]
    assert [event["kind"] for event in shown["history"]] == ["session_completed", "ingest_parked"]
    assert shown["history"][1]["payload"]["problems"] == shown["problems"]


def test_the_next_try_is_kept_until_it_goes_on(ingesting: Desk) -> None:
    session = completed(ingesting)
    moment = utc_now() + timedelta(seconds=30)
    report(ingesting, session, "pending", step="dataset", next_try=moment.isoformat(), code="CATALOGUE_BUSY")
    assert from_text(ingesting.ask("ingest_show", session=session)["next_try"]) == moment
    report(ingesting, session, "running", step="dataset")
    shown = ingesting.ask("ingest_show", session=session)
    assert (shown["next_try"], shown["code"]) == (None, "")


def test_an_ingest_is_due_after_its_hold_or_when_it_is_asked_for_and_keeps_that_when_tried_again(
    ingesting: Desk,
) -> None:
    held, asked = completed(ingesting), completed(ingesting)
    ingesting.ask("ingest_request", session=asked)
    due = {number: from_text(ingesting.ask("ingest_show", session=number)["due"]) for number in (held, asked)}
    assert due[held] - utc_now() > timedelta(minutes=50)
    assert due[asked] <= utc_now()
    report(ingesting, asked, "parked", step="dataset")
    ingesting.ask("ingest_retry", session=asked)
    assert from_text(ingesting.ask("ingest_show", session=asked)["due"]) == due[asked]


def test_the_status_counts_and_tells_the_oldest_and_who_can_be_reached(ingesting: Desk) -> None:
    waiting, parked, done = (completed(ingesting) for _ in range(3))
    ingesting.ask("ingest_request", session=waiting)
    report(ingesting, parked, "parked", step="dataset", code="CATALOGUE_FORBIDDEN")
    ingesting.ask("session_archive", by=WORKER, session=done, pid="20.500/1")
    ingesting.ask("catalogue_report", by=WORKER, target="https://a", state="UNREACHABLE", reason="It is down.")
    late = Dispatcher(
        ingesting.instrument,
        ingesting.store,
        ingesting.recorder,
        id_floor=0,
        clock=lambda: utc_now() + timedelta(minutes=30),
    )
    ingesting.dispatcher = late
    status = ingesting.ask("ingest_status")
    assert status["counts"] == {"pending": 1, "running": 0, "parked": 1, "done": 1, "cancelled": 0}
    assert (status["oldest_pending_session"], status["oldest_session"]) == (waiting, waiting)
    assert 1790 < status["oldest_pending_age_s"] < 1900
    assert status["parked_codes"] == {"CATALOGUE_FORBIDDEN": 1}
    assert status["archived_last_hour"] == 1
    (standing,) = status["catalogues"]
    assert (standing["target"], standing["state"], standing["reason"]) == ("https://a", "UNREACHABLE", "It is down.")


def test_only_a_change_of_the_catalogue_is_an_event(ingesting: Desk) -> None:
    for state, is_news in (("REACHABLE", True), ("REACHABLE", False), ("UNREACHABLE", True), ("UNREACHABLE", False)):
        head = ingesting.store.head()
        assert ingesting.ask("catalogue_report", by=WORKER, target="https://a", state=state) is is_news
        assert (ingesting.store.head() != head) is is_news
    assert ingesting.refused("catalogue_report", by=STAFF, target="a", state="REACHABLE").code == "NOT_PERMITTED"


def test_all_that_are_parked_for_a_reason_are_tried_again_by_staff(ingesting: Desk) -> None:
    sessions = [completed(ingesting) for _ in range(3)]
    for session, code in zip(sessions, ("A", "B", "A"), strict=True):
        report(ingesting, session, "parked", step="dataset", code=code)
    assert ingesting.refused("ingest_retry", by=USER, code="A").code == "NOT_PERMITTED"
    assert sorted(ingesting.ask("ingest_retry", by=STAFF, code="A")) == [sessions[0], sessions[2]]
    assert [item["session_id"] for item in ingesting.ask("ingest_list", states=["parked"])] == [sessions[1]]
    assert ingesting.ask("ingest_retry", by=STAFF) == [sessions[1]]
    assert ingesting.ask("ingest_retry", by=STAFF) == []


def test_a_retry_needs_something_to_try_again(ingesting: Desk) -> None:
    session = completed(ingesting)
    ingesting.ask("session_archive", by=WORKER, session=session, pid="20.500/1")
    assert ingesting.refused("ingest_retry", session=session).code == "WRONG_STATE"
    started = ingesting.ask("session_start")
    assert ingesting.refused("ingest_retry", session=started).code == "INGEST_NOT_FOUND"


def test_only_owner_and_staff_try_again_or_give_up(ingesting: Desk) -> None:
    session = completed(ingesting)
    report(ingesting, session, "parked", step="dataset")
    for verb in ("ingest_retry", "ingest_cancel"):
        assert ingesting.refused(verb, by=OTHER, session=session).code == "NOT_PERMITTED"
    assert ingesting.ask("ingest_retry", by=USER, session=session) == [session]
    assert ingesting.ask("ingest_cancel", by=USER, session=session) == ""


@pytest.mark.parametrize("state", ["pending", "running", "parked"])
def test_what_was_given_up_is_not_reported_on_any_more_and_can_be_edited_and_sent_later(
    ingesting: Desk, state: str
) -> None:
    session = completed(ingesting)
    report(ingesting, session, state, step="checksums")
    assert ingesting.ask("ingest_cancel", session=session, reason="Wrong sample.") == ""
    assert report(ingesting, session, "running", step="dataset", in_doubt=True) is False
    shown = ingesting.ask("ingest_show", session=session)
    assert (shown["state"], shown["detail"]) == ("cancelled", "Given up by ana. Wrong sample.")
    assert ingesting.ask("ingest_cancel", session=session) == ""
    ingesting.ask("metadata_set", session=session, values={"sample": "CeO2"})
    before = from_text(shown["due"])
    ingesting.ask("ingest_retry", session=session)
    again = ingesting.ask("ingest_show", session=session)
    assert (again["state"], from_text(again["due"]) != before) == ("pending", True)


def test_where_the_dataset_may_be_stored_only_staff_gives_up_and_is_told_what_stays(ingesting: Desk) -> None:
    session = completed(ingesting)
    report(ingesting, session, "running", step="dataset", pid="20.500/7", in_doubt=True)
    refused = ingesting.refused("ingest_cancel", session=session)
    assert refused.code == "DATASET_IN_CATALOGUE"
    assert "20.500/7" in refused.sentence
    assert ingesting.refused("ingest_cancel", session=session, force=True).code == "NOT_PERMITTED"
    left = ingesting.ask("ingest_cancel", by=STAFF, session=session, force=True)
    assert left == "Its dataset 20.500/7 may be in the catalogue, and stays there if it is."
    ingesting.ask("ingest_retry", session=session)
    assert ingesting.ask("ingest_show", session=session)["in_doubt"] is True
    report(ingesting, session, "pending", step="dataset", in_doubt=False)
    assert ingesting.ask("ingest_cancel", session=session) == ""


def test_an_archived_session_s_ingest_cannot_be_given_up(ingesting: Desk) -> None:
    session = completed(ingesting)
    ingesting.ask("session_archive", by=WORKER, session=session, pid="20.500/1 a")
    assert ingesting.refused("ingest_cancel", by=STAFF, session=session, force=True).code == "WRONG_STATE"
    link = "https://scicat.your.site/datasets/20.500%2F1%20a"
    assert ingesting.ask("ingest_show", session=session)["dataset_link"] == link
    assert ingesting.ask("session_show", session=session)["dataset_link"] == link
    events = ingesting.ask("event_list", session=session)
    assert events[-1]["payload"]["link"] == link


def test_trying_out_and_showing_are_jobs_for_open_and_completed_sessions(ingesting: Desk) -> None:
    session = ingesting.ask("session_start")
    job = ingesting.store.job(ingesting.ask("ingest_dry_run", remote=True))
    assert (job.kind, job.session_id, job.arguments) == (JobKind.DRY_RUN, session, {"session": session, "remote": True})
    ingesting.ask("session_complete")
    job = ingesting.store.job(ingesting.ask("ingest_payload", session=session, files=True))
    assert (job.kind, job.arguments) == (JobKind.PAYLOAD, {"session": session, "files": True})
    cancelled = ingesting.ask("session_start")
    ingesting.ask("session_cancel")
    assert ingesting.refused("ingest_dry_run", session=cancelled).code == "WRONG_STATE"


def test_without_a_catalogue_the_desk_says_so(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder, has_catalogue=False) as desk:
        session = completed(desk)
        for verb in ("ingest_dry_run", "ingest_payload", "ingest_retry"):
            assert desk.refused(verb, session=session).code == "NO_CATALOGUE"
        status = desk.ask("ingest_status")
        assert (status["configured"], status["catalogues"]) == (False, [])
        assert {*status["counts"]} == {state.value for state in IngestState}
