"""Sessions: ids, restarting, what a start does to the open one, what getters answer."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from beamsession.model.clock import from_text, utc_now
from beamsession.record.recorder import Recorder
from command_line import CommandLine
from verb_desk import OTHER, WORKER, Desk, open_desk


def test_restarting_the_open_empty_session_keeps_it(desk: Desk) -> None:
    """Elsewhere it was deleted, and the pointer that was left made every later start fail."""
    session = desk.ask("session_start", name="empty")
    assert desk.ask("session_restart", session=session) == session
    assert desk.session.id == session
    desk.ask("session_pause")
    assert desk.ask("session_restart", session=session) == session
    assert desk.session.state.value == "STARTED"
    assert desk.ask("session_start", name="next") == session + 1


def test_ids_are_never_used_again_after_cancel(tmp_path: Path, recorder: Recorder) -> None:
    """Elsewhere cancelling the newest session gave its id back."""
    with open_desk(tmp_path, recorder) as desk:
        first = desk.ask("session_start", name="mistake")
        desk.ask("session_cancel")
        second = desk.ask("session_start", name="mistake again")
        desk.ask("session_cancel")
    with open_desk(tmp_path, recorder) as desk:
        third = desk.ask("session_start", name="right")
        assert (first, second, third) == (1, 2, 3)
        assert [desk.state(session) for session in (first, second)] == ["CANCELLED", "CANCELLED"]


def test_the_command_line_gives_no_id_again_though_store_and_server_are_gone(tmp_path: Path) -> None:
    """Elsewhere the counter was a file beside the sessions, and went down again."""
    line = CommandLine.of(tmp_path)
    assert line("session", "start", "mistake").out == "1\n"
    assert line("session", "cancel").code == 0
    assert line("session", "start", "right").out == "2\n"
    line.keep_record()
    shutil.rmtree(line.store.parent)
    assert line("session", "start", "after the loss").out == "3\n"


@pytest.mark.parametrize("content", ["file", "metadata", "comment"])
@pytest.mark.parametrize("how", ["start", "restart"])
def test_a_session_with_anything_in_it_is_completed_by_the_next_start(desk: Desk, content: str, how: str) -> None:
    """Elsewhere an open session that had files and metadata but no run was silently deleted."""
    other = desk.ask("session_start", name="other")
    desk.ask("comment_add", text="kept")
    session = desk.ask("session_start", name="without runs")
    match content:
        case "file":
            desk.ask("file_add", path=str(desk.file("notes.txt")))
        case "metadata":
            desk.ask("metadata_set", values={"sample": "CeO2"})
        case _:
            desk.ask("comment_add", text="The beam was dumped.")
    if how == "start":
        desk.ask("session_start", name="next")
    else:
        desk.ask("session_restart", session=other)
    assert desk.state(session) == "COMPLETED"


def test_a_session_detached_from_another_has_a_way_to_the_catalogue_of_its_own(
    tmp_path: Path, recorder: Recorder
) -> None:
    """Elsewhere it took the other's ingestion record along, and could never be ingested."""
    with open_desk(tmp_path, recorder, ingest_on_complete=True) as desk:
        origin = desk.ask("session_start", name="origin")
        for name in ("a.h5", "b.h5"):
            desk.ask("run_register", path=str(desk.file(name)))
        desk.ask("session_complete")
        desk.ask("ingest_report", by=WORKER, session=origin, state="parked", detail="No owner group.", attempts=3)
        detached = desk.ask("run_detach", runs=[2], name="detached", session=origin)
        ingest = desk.ask("ingest_show", session=detached)
        assert (ingest["state"], ingest["attempts"], ingest["detail"], ingest["pid"]) == ("pending", 0, "", "")
        assert desk.ask("ingest_show", session=origin)["state"] == "parked"


def test_nothing_is_detached_from_an_archived_session(desk: Desk) -> None:
    """Elsewhere runs could be taken out of what the catalogue already had."""
    session = desk.ask("session_start")
    desk.ask("run_register", path=str(desk.file("a.h5")))
    desk.ask("session_complete")
    desk.ask("session_archive", by=WORKER, session=session, pid="pid/1")
    assert desk.refused("run_detach", runs=[1], name="x", session=session).code == "WRONG_STATE"
    assert len(desk.ask("run_list", session=session)) == 1


def test_an_open_session_has_a_start_and_no_stop(desk: Desk) -> None:
    """Elsewhere asking for the stop of an open session was a null pointer error, and an early start a cast error."""
    desk.ask("session_start")
    shown = desk.ask("session_show")
    assert shown["stop"] is None
    assert abs(from_text(shown["start"]) - utc_now()) < timedelta(minutes=5)
    desk.ask("comment_add", text="kept")
    session = shown["id"]
    desk.ask("session_complete")
    completed = desk.ask("session_show", session=session)
    assert from_text(completed["stop"]) >= from_text(completed["start"])


def test_a_session_of_old_files_has_their_times(desk: Desk) -> None:
    """Elsewhere a time of zero, or of the first days of 1970, could not be read back."""
    desk.ask("session_start")
    file = desk.file("old.h5")
    os.utime(file, (1, 1))
    created = desk.ask("session_create", name="old", files=[str(file)])
    shown = desk.ask("session_show", session=created)
    assert (shown["start"], shown["stop"]) == ("1970-01-01T00:00:01.000000Z", "1970-01-01T00:00:01.000000Z")


def test_an_unknown_id_is_an_error_on_every_question(desk: Desk) -> None:
    """Elsewhere asking for the name answered an empty text."""
    for verb in ("session_show", "metadata_show", "run_list", "file_list", "session_files", "ingest_show"):
        assert desk.refused(verb, session=99).code == "SESSION_NOT_FOUND"


def test_added_files_can_be_had_with_their_whole_paths(desk: Desk) -> None:
    """Elsewhere relative=False changed nothing."""
    desk.ask("session_start")
    file = desk.file("notes.txt")
    desk.ask("file_add", path="notes.txt")
    assert "notes.txt" in desk.ask("session_files")
    absolute = desk.ask("session_files", relative=False)
    assert str(file) in absolute
    assert all(Path(path).is_absolute() for path in absolute)


def test_a_list_of_completed_sessions_holds_no_other(desk: Desk) -> None:
    """Elsewhere the list of completed ids held the open session too."""
    session = desk.ask("session_start")
    desk.ask("comment_add", text="kept")
    desk.ask("session_start")
    assert [item["id"] for item in desk.ask("session_list", states=["COMPLETED"])] == [session]


def test_a_list_reads_no_file(desk: Desk) -> None:
    """Elsewhere a list with a filter parsed one file for each session."""
    for name in ("a", "b"):
        desk.ask("session_start", name=name)
        desk.ask("comment_add", text="kept")
    before = desk.ask("session_list", user="ana")
    desk.instrument.data_root.rename(desk.instrument.data_root.with_name("gone"))
    assert desk.ask("session_list", user="ana") == before
    assert len(before) == 2


def test_the_owner_is_who_asked_and_not_the_account_of_the_server(desk: Desk) -> None:
    """Elsewhere it was the operating system's user, the same for everybody at a shared account."""
    desk.ask("session_start", by=OTHER)
    assert desk.session.user == "eve"


def test_a_closed_session_is_changed_by_its_owner_only(desk: Desk) -> None:
    """Elsewhere anybody could change metadata, files and runs of anybody's session."""
    session = desk.ask("session_start")
    desk.ask("run_register", path=str(desk.file("a.h5")))
    desk.ask("session_complete")
    changes = {
        "metadata_set": {"values": {"a": 1}},
        "file_add": {"path": "a.h5"},
        "run_disable": {"run": 1},
        "run_detach": {"runs": [1], "name": "x"},
        "session_rename": {"title": "mine"},
    }
    for verb, arguments in changes.items():
        assert desk.refused(verb, by=OTHER, session=session, **arguments).code == "NOT_PERMITTED"


def test_every_change_is_told_with_who_made_it_also_of_sessions_that_are_closed(desk: Desk) -> None:
    """Elsewhere nothing was kept of who changed what, and closed sessions changed without an event."""
    session = desk.ask("session_start")
    desk.ask("run_register", path=str(desk.file("a.h5")))
    desk.ask("session_complete")
    desk.ask("run_disable", run=1, session=session)
    desk.ask("metadata_set", values={"a": 1}, session=session)
    desk.ask("session_rename", title="renamed", session=session)
    told = desk.ask("event_list", session=session)[-3:]
    assert [event["kind"] for event in told] == ["run_disabled", "metadata_changed", "session_renamed"]
    assert {event["principal"] for event in told} == {"ana"}
    assert told[1]["payload"] == {"changed": {"a": 1}, "removed": []}
    assert desk.ask("event_verify")["first_bad"] is None


def test_pauses_have_a_history(desk: Desk) -> None:
    """Elsewhere only the present state was kept."""
    session = desk.ask("session_start")
    for verb in ("session_pause", "session_resume") * 2:
        desk.ask(verb)
    events = desk.ask("event_list", session=session)[1:]
    assert [event["kind"] for event in events] == ["session_paused", "session_resumed"] * 2
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_sessions_can_be_renamed_searched_and_commented(desk: Desk) -> None:
    """Elsewhere none of this existed."""
    session = desk.ask("session_start", name="scan 1", proposal="p7")
    desk.ask("session_rename", title="Łukasz 2θ")
    assert [item["id"] for item in desk.ask("session_list", text="łukasz", proposal="p7")] == [session]
    assert desk.ask("comment_add", text="The beam was dumped.") > 0
