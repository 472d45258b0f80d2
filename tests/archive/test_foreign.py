"""A session folder of ours is read as one to import, wherever it was copied to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beamsession.archive.foreign import find_sessions, read_session
from beamsession.archive.session_folder import SessionFolder, SessionRecord
from beamsession.model.errors import InvalidInputError
from beamsession.model.plan import FileRules
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import AddedFile, Session
from beamsession.model.states import RunIntent, RunState, SessionState
from record_samples import Log

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOME = "2026/p1/000003_x"
SESSION = Session(
    id=3,
    instrument="B1",
    name="Łukasz 2θ",
    title="a title",
    state=SessionState.COMPLETED,
    user="anna",
    proposal="p1",
    folder=HOME,
    start=NOW,
    stop=NOW,
    metadata={"energy": 12.4},
)
RUN = Run(
    id=8,
    session_id=3,
    number=1,
    state=RunState.INCOMPLETE,
    intent=RunIntent.STOP,
    origin=RunOrigin.RECORDED,
    start=NOW,
    stop=NOW,
    title="first",
    file=f"/data/{HOME}/run_0001.nxs",
    frames=5,
    detectors=("camera",),
    metadata={"angle": 2},
    reason="2 frames are missing",
    enabled=False,
)


def written(folder: Path, session: Session, *runs: Run, files: tuple[AddedFile, ...] = ()) -> Path:
    folder.mkdir(parents=True)
    SessionFolder(folder, FileRules()).seal(SessionRecord(session, None, runs, files))
    return folder


def added(path: str) -> AddedFile:
    return AddedFile(session_id=3, path=path, added=NOW, size=1, modified=NOW)


def test_a_session_of_another_beamline_is_read_with_its_files_where_they_are_now(tmp_path: Path) -> None:
    files = (added("/elsewhere/b.txt"), added(f"/data/{HOME}/notes/a.txt"))
    folder = written(tmp_path / "copied", SESSION, RUN, replace(RUN, id=9, number=2, file="/far/c.h5"), files=files)
    found = read_session(folder)
    assert (found.source, found.id, found.name, found.title) == ("beamsession:B1:3", 3, "Łukasz 2θ", "a title")
    assert (found.user, found.proposal, found.start, found.stop) == ("anna", "p1", NOW, NOW)
    assert (found.state, found.metadata, found.remarks) == (SessionState.COMPLETED, {"energy": 12.4}, ())
    first, second = found.runs
    assert (first.path, first.data) == (folder / "run_0001.nxs", RUN.file)
    assert (first.state, first.reason, first.enabled) == (RunState.INCOMPLETE, "2 frames are missing", False)
    assert (first.title, first.frames, first.detectors, first.metadata) == ("first", 5, ("camera",), {"angle": 2})
    assert second.path == Path("/far/c.h5")
    assert set(found.files) == {folder / "notes/a.txt", Path("/elsewhere/b.txt")}


def test_an_archived_session_keeps_its_dataset(tmp_path: Path) -> None:
    archived = replace(SESSION, state=SessionState.ARCHIVED, dataset_pid="pid/3")
    found = read_session(written(tmp_path / "a", archived))
    assert (found.state, found.dataset_pid) == (SessionState.ARCHIVED, "pid/3")


def test_what_was_open_is_ended_and_remarked(tmp_path: Path) -> None:
    live = replace(RUN, state=RunState.RECORDING, stop=None)
    found = read_session(written(tmp_path / "a", replace(SESSION, state=SessionState.PAUSED, stop=None), live))
    assert found.state is SessionState.COMPLETED
    assert "PAUSED" in found.remarks[0]
    assert found.runs[0].state is RunState.ABORTED
    assert "RECORDING" in found.runs[0].reason


def test_sessions_are_found_below_a_data_root(tmp_path: Path) -> None:
    for number in (12, 3):
        written(tmp_path / f"2026/p1/{number:06d}_x", replace(SESSION, id=number))
    assert [read_session(folder).id for folder in find_sessions(tmp_path)] == [3, 12]


def test_a_damaged_line_is_remarked_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", SESSION, RUN)
    with (folder / "runs.jsonl").open("ab") as stream:
        stream.write(b"\0\0\0\0\n")
    found = read_session(folder)
    assert len(found.runs) == 1
    assert "line 2" in found.remarks[0]


def test_a_session_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", SESSION)
    (folder / "session.json").write_text('{"format": 7}')
    (folder / "later_session.json").write_text('{"format": 2, "session": {"id": "x"}}')
    with pytest.raises(InvalidInputError, match=r"later_session\.json") as caught:
        read_session(folder)
    assert caught.value.code == "BAD_SESSION_FILE"


def test_the_report_of_a_run_comes_along_with_its_files_where_they_are_now(tmp_path: Path) -> None:
    at = f"/data/{HOME}"
    account = {"detector": "camera", "expected": 5, "received": 3, "written": 3, "missing": 2}
    files = [f"{at}/run_0001.nxs", f"{at}/run_0001_camera.h5", "/data/2026/p1/000003_xy/far.h5"]
    report = {"state": "INCOMPLETE", "accounts": [account], "master": files[0], "files": files, "newer": [1]}
    folder = written(tmp_path / "copied", SESSION, replace(RUN, report=report))
    (found,) = read_session(folder).runs
    now = [str(folder / "run_0001.nxs"), str(folder / "run_0001_camera.h5"), files[2]]
    assert found.report == report | {"master": now[0], "files": now}


@pytest.mark.parametrize("report", [{"files": "run_0001.nxs"}, {"files": [1]}, {"master": 5}])
def test_a_report_that_names_no_files_is_left_out_and_remarked(tmp_path: Path, report: dict[str, Any]) -> None:
    found = read_session(written(tmp_path / "a", SESSION, replace(RUN, report=report)))
    assert found.runs[0].report == {}
    assert "report of run 1" in found.remarks[0]


def test_a_run_that_never_had_a_file_has_none(tmp_path: Path) -> None:
    failed = replace(RUN, state=RunState.FAILED, file="")
    (found,) = read_session(written(tmp_path / "a", SESSION, failed)).runs
    assert (found.path, found.state, found.report) == (None, RunState.FAILED, {})


def test_a_session_that_does_not_say_where_it_lay_has_its_files_where_they_were(tmp_path: Path) -> None:
    (found,) = read_session(written(tmp_path / "a", replace(SESSION, folder=""), RUN)).runs
    assert found.path == Path(RUN.file)


def test_a_run_whose_line_is_torn_is_remarked(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", replace(SESSION, run_count=1), RUN)
    path = folder / "runs.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    found = read_session(folder)
    assert found.runs == ()
    assert "should have 1 runs" in found.remarks[0]


def told(folder: Path, log: Log) -> Path:
    """`folder` with these events."""
    (folder / "events.jsonl").write_text("".join(json.dumps(event.as_json()) + "\n" for event in log.events))
    return folder


def test_a_run_that_is_lost_from_the_record_is_told_from_the_events_of_the_folder(tmp_path: Path) -> None:
    log = Log()
    log.add("session_started", name="x", folder=HOME, metadata={})
    log.add("run_registered", run_number=1, file=f"/data/{HOME}/a.h5", title="lost")
    folder = told(written(tmp_path / "a", replace(SESSION, run_count=1)), log)
    found = read_session(folder)
    assert [(run.path, run.title) for run in found.runs] == [(folder / "a.h5", "lost")]
    assert "does not have run 1" in found.remarks[0]


def test_events_that_say_something_else_than_ours_harm_no_session(tmp_path: Path) -> None:
    log = Log()
    log.add("session_started", name="x", folder=HOME, metadata={})
    log.add("run_moved", **{"from": "x", "number": None})
    found = read_session(told(written(tmp_path / "a", replace(SESSION, run_count=1), RUN), log))
    assert [run.title for run in found.runs] == ["first"]
    assert "its events cannot be understood" in found.remarks[0]
