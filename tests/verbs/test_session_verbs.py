"""The life of a session, asked for by verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.model.states import RunState, SessionState
from beamsession.record.recorder import Recorder
from verb_desk import OTHER, STAFF, USER, WORKER, Desk, instrument, open_desk


def test_a_session_is_started_paused_resumed_and_completed(desk: Desk) -> None:
    session_id = desk.ask("session_start", name=" scan 1 ", title="Łukasz", proposal="p1", metadata={"sample": "CeO2"})
    session = desk.session
    assert (session.id, session.name, session.title, session.user) == (session_id, "scan 1", "Łukasz", "ana")
    assert session.folder == f"{session.start.year}/p1/{session_id:06d}_scan_1"
    desk.ask("session_pause")
    assert desk.session.state is SessionState.PAUSED
    desk.ask("session_resume")
    assert desk.session.state is SessionState.STARTED
    desk.ask("session_complete")
    completed = desk.store.session(session_id)
    assert completed.state is SessionState.COMPLETED
    assert completed.stop is not None
    assert desk.kinds() == ["session_started", "session_paused", "session_resumed", "session_completed"]
    assert desk.store.events()[0].payload["metadata"] == {"sample": "CeO2"}


def test_the_session_shown_holds_runs_files_and_ingest(desk: Desk) -> None:
    session_id = desk.ask("session_start", name="shown")
    desk.ask("file_add", path=str(desk.file("a.dat")))
    shown = desk.ask("session_show")
    assert (shown["id"], shown["state"], shown["runs"], shown["ingest"]) == (session_id, "STARTED", [], None)
    assert [Path(file["path"]).name for file in shown["files"]] == ["a.dat"]
    assert desk.ask("session_show", session=session_id) == shown


@pytest.mark.parametrize("verb", ["session_pause", "session_resume", "session_complete", "session_cancel"])
def test_without_a_session_its_commands_are_refused(desk: Desk, verb: str) -> None:
    error = desk.refused(verb)
    assert (error.code, error.text) == ("WRONG_STATE", "No session is open. Start one with Start.")


def test_a_command_twice_is_refused_the_second_time(desk: Desk) -> None:
    desk.ask("session_start")
    assert desk.refused("session_resume").sentence == "The session is not paused."
    desk.ask("session_pause")
    assert desk.refused("session_pause").sentence == "The session is already paused."


def test_starting_again_cancels_a_session_in_which_nothing_was_put(desk: Desk) -> None:
    first = desk.ask("session_start", name="empty", metadata={"given": "at start"})
    desk.ask("session_pause")
    second = desk.ask("session_start", name="next")
    assert (desk.state(first), desk.state(second)) == ("CANCELLED", "STARTED")
    told = f"Session {first} 'empty' was still open and empty: it was cancelled."
    assert desk.store.events()[-1].payload["previous"] == {"session": first, "done": "cancelled", "sentence": told}
    assert desk.store.events()[-2].payload["because"] == "another session was started"


@pytest.mark.parametrize("content", ["comment", "file", "metadata", "run", "registered"])
def test_starting_again_completes_a_session_with_anything_in_it(desk: Desk, content: str) -> None:
    first = desk.ask("session_start", name="used")
    match content:
        case "comment":
            desk.ask("comment_add", text="kept")
        case "file":
            desk.ask("file_add", path=str(desk.file("a.dat")))
        case "metadata":
            desk.ask("metadata_set", values={"a": 1})
        case "run":
            desk.record()
            desk.drain()
        case _:
            desk.ask("run_register", path=str(desk.file("a.h5")))
    desk.ask("session_start", name="next")
    assert desk.state(first) == "COMPLETED"
    told = f"Session {first} 'used' was still open: it was completed first."
    assert desk.store.events()[-1].payload["previous"] == {"session": first, "done": "completed", "sentence": told}
    assert desk.store.events()[-2].payload["because"] == "another session was started"


def test_starting_over_a_run_drains_it_and_then_completes_its_session(desk: Desk) -> None:
    first = desk.ask("session_start", name="first")
    desk.record()
    second = desk.ask("session_start", name="second")
    assert (desk.state(first), desk.state(second)) == ("COMPLETING", "STARTED")
    told = f"Session {first} 'first' was still open with run 1: it is completed as soon as that run is written."
    assert desk.store.events()[-1].payload["previous"] == {"session": first, "done": "completing", "sentence": told}
    assert desk.store.events()[-2].payload["because"] == "another session was started"
    assert desk.refused("run_start").sentence == "The last run is still being written."
    assert desk.drain().state is RunState.COMPLETED
    assert (desk.state(first), desk.state(second)) == ("COMPLETED", "STARTED")


def test_a_run_of_the_session_before_holds_up_no_command_of_the_next(desk: Desk) -> None:
    first = desk.ask("session_start", name="first")
    desk.record()
    second = desk.ask("session_start", name="second")
    comment = desk.ask("comment_add", text="in the second")
    assert desk.store.events(after=comment - 1)[0].run_number is None
    desk.ask("session_pause")
    desk.ask("session_resume")
    assert desk.run.intent.value == "stop"
    desk.ask("session_complete")
    assert (desk.state(first), desk.state(second)) == ("COMPLETING", "COMPLETED")
    third = desk.ask("session_start", name="third")
    fourth = desk.ask("session_start", name="fourth")
    assert desk.state(third) == "CANCELLED"
    desk.drain()
    assert [desk.state(session) for session in (first, fourth)] == ["COMPLETED", "STARTED"]


def test_a_lost_run_of_the_session_before_keeps_its_order_to_stop(desk: Desk) -> None:
    first = desk.ask("session_start", name="first")
    desk.ask("run_start")
    desk.lose()
    desk.ask("session_start", name="second")
    desk.ask("session_pause")
    desk.ask("session_resume")
    assert (desk.run.session_id, desk.run.intent.value) == (first, "stop")


def test_complete_with_a_run_open_waits_for_its_frames(desk: Desk) -> None:
    session_id = desk.ask("session_start")
    number = desk.record()
    desk.ask("session_complete")
    assert (desk.state(session_id), desk.run.state) == ("COMPLETING", RunState.DRAINING)
    for verb in ("session_complete", "run_start", "run_stop"):
        assert desk.refused(verb).code == "WRONG_STATE"
    desk.drain()
    assert desk.state(session_id) == "COMPLETED"
    assert desk.store.run(session_id, number).state is RunState.COMPLETED
    assert desk.kinds(session_id)[-3:] == ["session_completing", "run_completed", "session_completed"]


@pytest.mark.parametrize("verdict", [RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED])
def test_whatever_the_verdict_the_session_completes(desk: Desk, verdict: RunState) -> None:
    session_id = desk.ask("session_start")
    desk.ask("run_start")
    desk.ask("session_complete")
    assert desk.end(desk.run, verdict, "a reason")
    assert desk.state(session_id) == "COMPLETED"
    run = desk.store.run(session_id, 1)
    assert (run.state, run.reason, run.acknowledged) == (verdict, "a reason", False)


def test_a_cancelled_session_keeps_its_record_and_its_id(desk: Desk) -> None:
    first = desk.ask("session_start", name="mistake")
    desk.ask("session_cancel")
    assert desk.state(first) == "CANCELLED"
    assert desk.ask("session_start") == first + 1
    assert [item["id"] for item in desk.ask("session_list")] == [first + 1, first]


def test_a_session_with_runs_cannot_be_cancelled(desk: Desk) -> None:
    desk.ask("session_start")
    desk.record()
    assert desk.refused("session_cancel").sentence == "A run is still open."
    desk.drain()
    error = desk.refused("session_cancel")
    assert (error.code, error.remedy) == ("WRONG_STATE", "Complete it with Complete.")


def test_ids_grow_over_cancellations_restarts_and_the_mark_on_disk(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder) as desk:
        first = desk.ask("session_start")
        desk.ask("session_cancel")
    with open_desk(tmp_path, recorder, id_floor=41) as desk:
        assert desk.ask("session_start") == 42 > first
    with open_desk(tmp_path, recorder) as desk:
        assert desk.ask("session_start") == 43


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"name": "a/b"}, "BAD_NAME"),
        ({"title": "a\nb"}, "BAD_TITLE"),
        ({"proposal": "../x"}, "BAD_PROPOSAL"),
        ({"metadata": {"x": float("inf")}}, "BAD_METADATA"),
        ({"metadata": [1]}, "BAD_ARGUMENTS"),
        ({"nam": "x"}, "BAD_ARGUMENTS"),
    ],
)
def test_a_refused_start_leaves_the_open_session_alone(desk: Desk, arguments: dict[str, Any], code: str) -> None:
    session_id = desk.ask("session_start", name="stays")
    assert desk.refused("session_start", **arguments).code == code
    assert desk.session.id == session_id


def test_a_data_root_that_cannot_be_written_stops_a_start(desk: Desk) -> None:
    nowhere = Path("/proc/beamsession")  # not even root can write there
    desk = Desk(desk.instrument.model_copy(update={"data_root": nowhere}), desk.store, desk.recorder)
    error = desk.refused("session_start")
    assert error.code == "ROOT_NOT_WRITABLE"
    assert str(nowhere) in error.sentence


def test_a_full_disk_stops_a_start(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder, min_free_bytes=2**62) as desk:
        error = desk.refused("session_start")
        assert error.code == "DISK_FULL"
        assert "data.min_free_gib" in error.remedy


def test_the_list_can_be_narrowed_and_continued(desk: Desk) -> None:
    for number in range(5):
        desk.ask("session_start", name=f"scan {number}", proposal=f"p{number % 2}", by=OTHER if number == 3 else USER)
        desk.ask("comment_add", text="kept")
    ids = [item["id"] for item in desk.ask("session_list")]
    assert ids == [5, 4, 3, 2, 1]
    assert [item["id"] for item in desk.ask("session_list", limit=2, before_id=4)] == [3, 2]
    assert [item["id"] for item in desk.ask("session_list", user="eve")] == [4]
    assert [item["id"] for item in desk.ask("session_list", proposal="p1", states=["COMPLETED"])] == [4, 2]
    assert [item["id"] for item in desk.ask("session_list", text="SCAN 2")] == [3]
    assert desk.ask("session_list", since="2100-01-01T00:00:00Z") == []
    assert desk.refused("session_list", limit=0).code == "BAD_PAGE"
    assert desk.refused("session_list", since="2026-01-01T00:00:00").code == "BAD_ARGUMENTS"
    assert desk.refused("session_list", offset=10**30).code == "BAD_ARGUMENTS"


def test_sessions_of_another_instrument_are_not_found(desk: Desk) -> None:
    elsewhere = Desk(instrument(desk.instrument.data_root, "other"), desk.store, desk.recorder)
    session_id = elsewhere.ask("session_start", name="elsewhere")
    elsewhere.ask("run_start")
    run = elsewhere.run
    assert desk.ask("session_list") == []
    report = {"key": {"instrument": "other", "session_id": session_id, "run_number": 1}, "state": "RECORDING"}
    for verb, arguments in {
        "session_show": {"session": session_id},
        "session_archive": {"session": session_id, "pid": "x"},
        "ingest_report": {"session": session_id, "state": "running"},
        "run_report": {"report": report},
        "run_lose": {"session": session_id, "run": 1, "reason": "x"},
    }.items():
        assert desk.refused(verb, by=WORKER, **arguments).code == "SESSION_NOT_FOUND"
    assert elsewhere.run == run


def test_staff_and_worker_may_drive_too(desk: Desk) -> None:
    desk.ask("session_start", by=STAFF)
    desk.ask("session_pause", by=WORKER)
    assert desk.session.user == "staff"


def test_a_folder_is_made_by_the_first_run_not_by_the_session(desk: Desk) -> None:
    desk.ask("session_start", name="later")
    assert not list(desk.instrument.data_root.iterdir())
    desk.record()
    desk.drain()
    folder = desk.instrument.data_root / desk.session.folder
    assert [path.name for path in folder.iterdir() if path.suffix == ".nxs"] == ["run_0001.nxs"]
