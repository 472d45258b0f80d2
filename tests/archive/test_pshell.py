"""PShell's session folders are read as they are on disk, with all that may be absent or odd in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beamsession.archive.foreign import find_sessions, read_session
from beamsession.model.errors import BeamsessionError, InvalidInputError, NotFoundError, RefusedError
from beamsession.model.states import RunState, SessionState

START = 1_611_838_800_123
WHOLE: dict[str, Any] = {
    "id": 17,
    "name": "Łukasz 2θ",
    "user": "e12345",
    "start": START,
    "stop": START + 3_600_000,
    "state": "completed",
    "root": "/data/e12345",
    "format": "h5",
    "layout": "nx",
    "mode": "On",
    "runs": [
        {"data": "2021_01/a.h5", "start": START + 1, "stop": START + 2, "state": "completed", "enabled": False},
        {"data": "/elsewhere/b.h5", "start": START + 3, "stop": START + 4, "state": "transfered"},
    ],
    "files": ["notes.txt", "/outside/log.txt", "notes.txt"],
    "ingested": {"test": "20.500/t", "prod": "20.500/abc"},
}


def write(folder: Path, info: Any, metadata: Any = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "info.json").write_text(json.dumps(info), encoding="utf-8")
    if metadata is not None:
        (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return folder


def refusal(folder: Path, kind: type[BeamsessionError] = InvalidInputError) -> BeamsessionError:
    with pytest.raises(kind) as caught:
        read_session(folder)
    assert caught.value.remedy
    assert str(folder) in caught.value.sentence
    return caught.value


def test_a_whole_session_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "17", WHOLE, {"energy": 12.4, "tags": ["a", 1], "box": {"x": None}})
    session = read_session(folder)
    assert (session.source, session.id, session.name, session.user) == (f"pshell:{folder}", 17, "Łukasz 2θ", "e12345")
    assert session.start == datetime(2021, 1, 28, 13, 0, 0, 123000, tzinfo=UTC)
    assert session.stop == datetime(2021, 1, 28, 14, 0, 0, 123000, tzinfo=UTC)
    assert (session.state, session.dataset_pid) == (SessionState.COMPLETED, "")
    assert (session.format, session.layout, session.mode) == ("h5", "nx", "On")
    assert session.root == Path("/data/e12345")
    assert [(str(run.path), run.state, run.enabled) for run in session.runs] == [
        ("/data/e12345/2021_01/a.h5", RunState.COMPLETED, False),
        ("/elsewhere/b.h5", RunState.COMPLETED, True),
    ]
    assert session.runs[0].data == "2021_01/a.h5"
    assert [str(path) for path in session.files] == ["/data/e12345/notes.txt", "/outside/log.txt"]
    assert session.ingested == {"test": "20.500/t", "prod": "20.500/abc"}
    assert session.metadata == {"energy": 12.4, "tags": ["a", 1], "box": {"x": None}}
    assert session.remarks == ()


def test_almost_everything_may_be_absent(tmp_path: Path) -> None:
    session = read_session(write(tmp_path / "5", {}))
    assert (session.id, session.name, session.state, session.user) == (5, "unnamed", SessionState.COMPLETED, "")
    assert (session.start, session.stop, session.root, session.runs, session.files) == (None, None, None, (), ())
    assert (session.metadata, session.ingested, session.mode) == ({}, {}, "")


def test_null_is_the_same_as_absent(tmp_path: Path) -> None:
    info = dict.fromkeys(WHOLE) | {"runs": [{"data": "/a", "stop": None, "state": None, "enabled": None}]}
    session = read_session(write(tmp_path / "5", info))
    assert (session.id, session.name, session.start, session.files) == (5, "unnamed", None, ())
    assert session.runs[0].enabled


def test_times_of_0_are_unknown(tmp_path: Path) -> None:
    session = read_session(write(tmp_path / "5", {"start": 0, "stop": 0}))
    assert (session.start, session.stop) == (None, None)


@pytest.mark.parametrize("state", ["started", "paused"])
def test_an_open_session_counts_as_completed_and_that_is_remarked(tmp_path: Path, state: str) -> None:
    session = read_session(write(tmp_path / "5", {"state": state, "start": START}))
    assert session.state is SessionState.COMPLETED
    assert state in session.remarks[0]


def test_an_archived_session_has_the_dataset_of_the_production_catalogue(tmp_path: Path) -> None:
    session = read_session(write(tmp_path / "17", WHOLE | {"state": "archived"}))
    assert (session.state, session.dataset_pid) == (SessionState.ARCHIVED, "20.500/abc")


def test_what_the_ingestor_printed_before_the_id_is_no_part_of_it(tmp_path: Path) -> None:
    info = WHOLE | {"state": "archived", "ingested": {"prod": "You use the prod environment\n\n20.500/abc"}}
    assert read_session(write(tmp_path / "17", info)).dataset_pid == "20.500/abc"


@pytest.mark.parametrize("ingested", [{"test": "20.500/t"}, {}, {"prod": " "}])
def test_a_session_archived_elsewhere_than_in_production_is_not_archived(
    tmp_path: Path, ingested: dict[str, str]
) -> None:
    session = read_session(write(tmp_path / "17", WHOLE | {"state": "archived", "ingested": ingested}))
    assert (session.state, session.dataset_pid) == (SessionState.COMPLETED, "")
    assert "prod" in session.remarks[0]


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ("completed", RunState.COMPLETED, ""),
        ("transfered", RunState.COMPLETED, ""),
        ("transfering", RunState.COMPLETED, ""),
        ("running", RunState.ABORTED, "before the run's file was closed"),
        ("error: no space left", RunState.COMPLETED, "transfer of its data failed: no space left"),
        ("strange", RunState.COMPLETED, "strange"),
    ],
)
def test_each_state_of_a_run_has_its_verdict(tmp_path: Path, said: str, state: RunState, reason: str) -> None:
    info = {"root": "/d", "runs": [{"data": "a.h5", "start": START, "state": said}]}
    (run,) = read_session(write(tmp_path / "5", info)).runs
    assert (run.state, run.stop) == (state, None)
    assert (reason in run.reason) if reason else (run.reason == "")


def test_a_file_recorded_twice_is_two_runs(tmp_path: Path) -> None:
    runs = [{"data": "a.h5", "state": "completed"}, {"data": "a.h5", "state": "completed", "enabled": False}]
    session = read_session(write(tmp_path / "5", {"root": "/d", "runs": runs}))
    assert [run.enabled for run in session.runs] == [True, False]


def test_data_that_were_moved_are_looked_for_where_they_are_now(tmp_path: Path) -> None:
    session = read_session(write(tmp_path / "17", WHOLE), tmp_path / "copied")
    assert session.root == tmp_path / "copied"
    assert session.runs[0].path == tmp_path / "copied/2021_01/a.h5"
    assert session.runs[1].path == Path("/elsewhere/b.h5")


def test_relative_paths_without_a_root_stay_relative_and_that_is_remarked(tmp_path: Path) -> None:
    session = read_session(write(tmp_path / "5", {"runs": [{"data": "a.h5"}]}))
    assert session.runs[0].path == Path("a.h5")
    assert "relative paths" in session.remarks[0]


def test_numbers_that_are_none_become_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "5", {})
    (folder / "metadata.json").write_text('{"a": NaN, "b": [-Infinity]}')
    assert read_session(folder).metadata == {"a": "NaN", "b": ["-Infinity"]}


def test_a_copied_folder_keeps_the_id_that_it_calls_itself(tmp_path: Path) -> None:
    assert read_session(write(tmp_path / "copy", WHOLE)).id == 17
    renumbered = read_session(write(tmp_path / "18", WHOLE))
    assert renumbered.id == 18
    assert "17" in renumbered.remarks[0]


@pytest.mark.parametrize(
    ("info", "where"),
    [
        ([1, 2], "info.json cannot be understood: it is no object of keys and values."),
        ({"id": "17"}, "id"),
        ({"id": True}, "id"),
        ({"name": 5}, "name"),
        ({"start": "today"}, "start"),
        ({"start": 1.5}, "start"),
        ({"stop": -1}, "stop"),
        ({"stop": 10**16}, "stop"),
        ({"runs": {}}, "runs"),
        ({"runs": ["a.h5"]}, "runs.0: it is no object of keys and values (it is 'a.h5')"),
        ({"runs": [{"data": "a"}, {"start": START}]}, "runs.1.data"),
        ({"runs": [{"data": ""}]}, "runs.0.data"),
        ({"runs": [{"data": "a", "enabled": "yes"}]}, "runs.0.enabled"),
        ({"files": [1]}, "files.0"),
        ({"ingested": {"prod": 1}}, "ingested.prod"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(tmp_path: Path, info: Any, where: str) -> None:
    error = refusal(write(tmp_path / "5", info))
    assert error.code == "BAD_SESSION_FOLDER"
    assert where in error.sentence


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b'{"id": 5', b"[" * 100_000])
def test_damaged_json_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "5", {}, {})
    (folder / "metadata.json").write_bytes(content)
    assert "metadata.json" in refusal(folder).sentence
    (folder / "info.json").write_bytes(content)
    assert "info.json" in refusal(folder).sentence


def test_metadata_that_are_no_object_are_refused(tmp_path: Path) -> None:
    assert "metadata.json" in refusal(write(tmp_path / "5", {}, ["a"])).sentence


def test_a_folder_that_lost_its_info_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "5", {}, {})
    (folder / "info.json").unlink()
    refused = refusal(folder, RefusedError)
    assert refused.code == "FOLDER_UNREADABLE"
    assert f"{folder}/info.json" in refused.sentence
    assert refused.remedy == "Put it back from a copy, or name another folder."


def test_a_folder_without_a_session_is_not_found(tmp_path: Path) -> None:
    assert refusal(tmp_path, NotFoundError).code == "NO_SESSION_FOLDER"
    with pytest.raises(NotFoundError):
        find_sessions(tmp_path)
    with pytest.raises(RefusedError):
        find_sessions(tmp_path / "absent")


def test_sessions_are_found_in_the_order_of_their_ids_and_a_bad_one_hides_no_other(tmp_path: Path) -> None:
    for number in (10, 9, 100):
        write(tmp_path / "sessions" / str(number), {"id": number})
    (tmp_path / "sessions" / "9" / "info.json").write_text("{")
    (tmp_path / "sessions" / ".hidden").mkdir()
    (tmp_path / "sessions" / "11").mkdir()
    found = find_sessions(tmp_path / "sessions")
    assert [folder.name for folder in found] == ["9", "10", "100"]
    refusal(found[0])
    assert [read_session(folder).id for folder in found[1:]] == [10, 100]


def test_the_folder_user_of_version_1_is_looked_into(tmp_path: Path) -> None:
    folder = write(tmp_path / "sessions" / "user" / "3", {"id": 3})
    assert find_sessions(tmp_path / "sessions") == [folder]
    assert find_sessions(tmp_path / "sessions" / "user") == [folder]
    assert find_sessions(folder) == [folder]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = write(tmp_path / "3", {"id": 3})
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_sessions(tmp_path) == [folder]
