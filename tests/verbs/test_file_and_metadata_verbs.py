"""What is put into a session beside its runs: files, comments, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.record.recorder import Recorder
from verb_desk import OTHER, STAFF, USER, WORKER, Desk, open_desk


@pytest.fixture
def opened(desk: Desk) -> Desk:
    """A desk with a session."""
    desk.ask("session_start", name="open", metadata={"sample": "CeO2", "energy": 12.4})
    return desk


def test_a_file_is_added_once_however_it_is_named(opened: Desk) -> None:
    path = opened.file("notes/a.txt", b"12345")
    assert opened.ask("file_add", path="notes/a.txt") is True
    head = opened.store.head()
    for name in (str(path), "notes/../notes/a.txt", f" {path} "):
        assert opened.ask("file_add", path=name) is False
    assert opened.store.head() == head
    (file,) = opened.ask("file_list")
    assert (file["path"], file["size"], file["is_folder"]) == (str(path), 5, False)


def test_a_folder_can_be_added(opened: Desk) -> None:
    folder = opened.file("logs/a.log").parent
    assert opened.ask("file_add", path="logs") is True
    assert opened.ask("file_list")[0]["is_folder"] is True
    assert opened.ask("file_list", session=opened.session.id)[0]["path"] == str(folder)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "OUTSIDE_ROOTS"),
        ("../../../../../../../etc/passwd", "OUTSIDE_ROOTS"),
        ("absent.txt", "FILE_NOT_FOUND"),
        ("", "BAD_PATH"),
        ("nul\0", "BAD_PATH"),
        ("x" * 5000, "BAD_PATH"),
        ("y" * 300, "FILE_NOT_FOUND"),
    ],
)
def test_paths_that_lead_nowhere_or_out_are_refused(opened: Desk, path: str, code: str) -> None:
    assert opened.refused("file_add", path=path).code == code
    assert opened.ask("file_list") == []


def test_a_link_out_of_the_data_root_is_refused_and_one_inside_is_followed(opened: Desk) -> None:
    target = opened.file("a.txt")
    inside, outside = target.with_name("inside"), target.with_name("outside")
    inside.symlink_to(target)
    outside.symlink_to("/etc/passwd")
    assert opened.refused("file_add", path=str(outside)).code == "OUTSIDE_ROOTS"
    assert opened.ask("file_add", path=str(inside)) is True
    assert opened.ask("file_list")[0]["path"] == str(target)


def test_comments_are_events_with_their_author_and_run(opened: Desk) -> None:
    first = opened.ask("comment_add", text="before\nthe run", by=OTHER)
    opened.record()
    second = opened.ask("comment_add", text="θ")
    events = {event["seq"]: event for event in opened.ask("event_list", session=opened.session.id)}
    assert (events[first]["principal"], events[first]["run"]) == ("eve", None)
    assert events[first]["payload"] == {"text": "before\nthe run"}
    assert (events[second]["payload"], events[second]["run"]) == ({"text": "θ"}, 1)
    assert opened.refused("comment_add", text=" ").code == "EMPTY_TEXT"


@pytest.mark.parametrize("verb", ["file_add", "comment_add", "metadata_set"])
def test_without_a_session_nothing_can_be_put_into_it(desk: Desk, verb: str) -> None:
    arguments: dict[str, Any] = {
        "file_add": {"path": "x"},
        "comment_add": {"text": "x"},
        "metadata_set": {"values": {}},
    }
    error = desk.refused(verb, **arguments[verb])
    assert (error.code, error.text) == ("WRONG_STATE", "No session is open. Start one with Start.")


def test_metadata_are_merged_removed_and_replaced(opened: Desk) -> None:
    assert opened.ask("metadata_set", values={"energy": 13, "b": [1]}) == {"sample": "CeO2", "energy": 13, "b": [1]}
    assert opened.ask("metadata_set", values={"energy": None, "absent": None}) == {"sample": "CeO2", "b": [1]}
    assert opened.ask("metadata_set", values={"c": 1}, replace=True) == {"c": 1}
    assert opened.ask("metadata_show") == {"c": 1}
    changes = [event.payload for event in opened.store.events() if event.kind == "metadata_changed"]
    assert changes == [
        {"changed": {"energy": 13, "b": [1]}, "removed": []},
        {"changed": {}, "removed": ["energy"]},
        {"changed": {"c": 1}, "removed": ["b", "sample"]},
    ]


def test_setting_what_is_there_already_is_no_change(opened: Desk) -> None:
    head = opened.store.head()
    same = {"sample": "CeO2", "energy": 12.4}
    assert opened.ask("metadata_set", values={"sample": "CeO2"}, request_id="r1") == same
    assert opened.ask("metadata_set", values={"sample": "CeO2"}, request_id="r1") == same
    assert opened.store.head() == head
    assert not opened.session.metadata_edited


def test_a_refused_value_changes_no_other(opened: Desk) -> None:
    error = opened.refused("metadata_set", values={"good": 1, "bad": {"deep": float("nan")}})
    assert error.sentence == "metadata.bad.deep is not a finite number."
    assert opened.ask("metadata_show") == {"sample": "CeO2", "energy": 12.4}


def test_metadata_together_too_large_are_refused(opened: Desk) -> None:
    opened.ask("metadata_set", values={"a": "x" * 600_000})
    assert opened.refused("metadata_set", values={"b": "x" * 600_000}).code == "BAD_METADATA"


def test_a_closed_session_is_edited_by_its_owner_or_staff(opened: Desk) -> None:
    session_id = opened.session.id
    opened.ask("metadata_set", values={"by": "anybody at the beamline"}, by=OTHER)
    opened.ask("session_complete")
    error = opened.refused("metadata_set", session=session_id, values={"a": 1}, by=OTHER)
    assert (error.code, error.value) == ("NOT_PERMITTED", "eve")
    for principal in (USER, STAFF):
        assert opened.ask("metadata_set", session=session_id, values={"a": principal.name}, by=principal)
    assert opened.ask("metadata_show", session=session_id, by=OTHER)["a"] == "staff"


@pytest.mark.parametrize("end", ["session_cancel", "session_archive"])
def test_metadata_of_a_session_that_is_final_cannot_be_changed(opened: Desk, end: str) -> None:
    session_id = opened.session.id
    if end == "session_cancel":
        opened.ask("session_cancel")
    else:
        opened.ask("session_complete")
        opened.ask("session_archive", by=WORKER, session=session_id, pid="pid/1")
    error = opened.refused("metadata_set", session=session_id, values={"a": 1})
    assert error.code == "WRONG_STATE"
    assert error.sentence.endswith("what is in it is final.")


def test_paths_are_kept_as_the_root_is_configured_should_that_be_a_link(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    with open_desk(tmp_path, recorder) as desk:
        desk.ask("session_start", name="linked")
        path = desk.file("a.h5")
        desk.ask("run_register", path=str(path.resolve()))
        desk.ask("file_add", path=str(desk.file("b.txt")))
        assert desk.ask("run_show", run=1)["file"] == str(path)
        assert desk.ask("session_files")[-2:] == ["a.h5", "b.txt"]
