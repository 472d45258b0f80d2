"""Sessions after their measurement: started again, created of files, renamed, taken over, and what asks the worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.errors import InvalidInputError
from beamsession.model.hook import HookConfig, HookEvent
from beamsession.model.job import JobKind
from beamsession.record.recorder import Recorder
from verb_desk import OTHER, STAFF, WORKER, Desk, open_desk


def completed(desk: Desk, name: str = "first") -> int:
    """A completed session with one run."""
    session = desk.ask("session_start", name=name)
    desk.ask("run_register", path=str(desk.file(f"{name}.h5")))
    desk.ask("session_complete")
    return session


def test_a_completed_session_goes_on_with_the_next_run(desk: Desk) -> None:
    session = completed(desk)
    start = desk.store.session(session).start
    assert desk.ask("session_restart", session=session) == session
    again = desk.session
    assert (again.id, again.state.value, again.start, again.stop) == (session, "STARTED", start, None)
    assert desk.ask("run_register", path=str(desk.file("more.h5"))) == 2


def test_restart_closes_the_open_session_as_start_does(desk: Desk) -> None:
    first, second = completed(desk), completed(desk, "second")
    empty = desk.ask("session_start", name="empty")
    desk.ask("session_restart", session=first)
    assert desk.state(empty) == "CANCELLED"
    desk.ask("session_restart", session=second)
    assert (desk.state(first), desk.session.id) == ("COMPLETED", second)


def test_restart_of_the_open_session_resumes_it_and_harms_nothing(desk: Desk) -> None:
    session = desk.ask("session_start", name="empty")
    head = desk.store.head()
    assert desk.ask("session_restart", session=session) == session
    assert desk.store.head() == head
    desk.ask("session_pause")
    assert desk.ask("session_restart", session=session) == session
    assert desk.state(session) == "STARTED"


def test_what_is_over_for_good_is_not_started_again(desk: Desk) -> None:
    archived = completed(desk)
    desk.ask("session_archive", by=WORKER, session=archived, pid="20.500/1")
    cancelled = desk.ask("session_start")
    desk.ask("session_cancel")
    for session in (archived, cancelled):
        assert desk.refused("session_restart", session=session).code == "WRONG_STATE"
    assert desk.refused("session_restart", session=99).code == "SESSION_NOT_FOUND"


def test_somebody_elses_session_is_started_again_by_staff_only(desk: Desk) -> None:
    session = completed(desk)
    assert desk.refused("session_restart", by=OTHER, session=session).code == "NOT_PERMITTED"
    assert desk.ask("session_restart", by=STAFF, session=session) == session


@pytest.mark.parametrize(
    ("state", "step", "allowed"),
    [
        ("pending", "waiting", True),
        ("pending", "dataset", False),
        ("running", "files", False),
        ("parked", "files", True),
        ("parked", "block 1 of 2", False),
    ],
)
def test_a_session_on_its_way_to_the_catalogue_is_not_started_again(
    tmp_path: Path, recorder: Recorder, state: str, step: str, allowed: bool
) -> None:
    with open_desk(tmp_path, recorder, ingest_on_complete=True) as desk:
        session = completed(desk)
        desk.ask("ingest_report", by=WORKER, session=session, state=state, step=step)
        if not allowed:
            assert desk.refused("session_restart", session=session).code == "WRONG_STATE"
            return
        desk.ask("session_restart", session=session)
        assert desk.ask("ingest_show", session=session)["state"] == "cancelled"
        desk.ask("session_complete")
        assert desk.ask("ingest_show", session=session)["state"] == "pending"


def test_a_session_is_created_of_files_with_their_times(desk: Desk) -> None:
    opened = desk.ask("session_start", name="open")
    old, new = desk.file("old.h5"), desk.file("new.h5")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    os.utime(new, (1_700_000_000, 1_700_000_000))
    session = desk.ask("session_create", name="found", files=[str(new), "old.h5", str(old)], root=str(old.parent))
    shown = desk.ask("session_show", session=session)
    assert (shown["state"], shown["source"], shown["runs"]) == ("COMPLETED", "created", [])
    assert {file["path"] for file in shown["files"]} == {str(old), str(new)}
    made = desk.store.session(session)
    assert made.start == datetime.fromtimestamp(1_600_000_000, UTC)
    assert made.stop == datetime.fromtimestamp(1_700_000_000, UTC)
    assert made.folder.startswith("2020/")
    assert desk.session.id == opened


@pytest.mark.parametrize(
    ("files", "root", "code"),
    [
        ([], "", "BAD_FILE_COUNT"),
        (["absent.h5"], "", "FILE_NOT_FOUND"),
        (["/etc/passwd"], "", "OUTSIDE_ROOTS"),
        (["a"], "/etc", "OUTSIDE_ROOTS"),
        (["x"] * 501, "", "BAD_FILE_COUNT"),
        (["."], "", "HOLDS_SESSIONS"),
        (["{year}"], "", "HOLDS_SESSIONS"),
    ],
)
def test_a_session_is_not_created_of_what_is_not_there(desk: Desk, files: list[str], root: str, code: str) -> None:
    desk.ask("session_start")
    year = desk.session.folder.partition("/")[0]
    (desk.instrument.data_root / year).mkdir()
    named = [name.format(year=year) for name in files]
    assert desk.refused("session_create", name="x", files=named, root=root).code == code


def test_the_title_may_change_even_in_the_archive(desk: Desk) -> None:
    session = completed(desk)
    desk.ask("session_archive", by=WORKER, session=session, pid="20.500/1")
    desk.ask("session_rename", title="Łukasz 2θ", session=session)
    assert desk.store.session(session).title == "Łukasz 2θ"
    assert desk.store.session(session).name == "first"
    assert [item["id"] for item in desk.ask("session_list", text="łukasz")] == [session]
    assert desk.refused("session_rename", title="a\nb", session=session).code == "BAD_TITLE"
    assert desk.refused("session_rename", by=OTHER, title="mine", session=session).code == "NOT_PERMITTED"


def test_a_file_is_taken_off_again_also_when_it_is_gone(desk: Desk) -> None:
    session = completed(desk)
    path = desk.instrument.data_root / desk.store.session(session).folder / "note.txt"
    path.write_text("x")
    assert desk.ask("file_add", path="note.txt", session=session) is True
    path.unlink()
    assert desk.ask("file_remove", path="note.txt", session=session) is True
    assert desk.ask("file_remove", path="note.txt", session=session) is False
    assert desk.ask("file_list", session=session) == []


def test_the_file_list_is_relative_to_the_folder_or_absolute_and_names_nothing_twice(desk: Desk) -> None:
    session = completed(desk)
    outside = desk.instrument.data_root / "outside.txt"
    outside.write_text("x")
    folder = desk.instrument.data_root / desk.store.session(session).folder
    for path in (str(outside), str(folder / "first.h5")):
        desk.ask("file_add", path=path, session=session)
    record = ["session.json", "runs.jsonl", "files.jsonl", "events.jsonl"]
    assert desk.ask("session_files", session=session) == [*record, "first.h5", str(outside)]
    absolute = desk.ask("session_files", session=session, relative=False)
    assert absolute == [*(str(folder / name) for name in record), str(folder / "first.h5"), str(outside)]


@pytest.mark.parametrize(
    ("file_name", "code"),
    [
        ("session.h5", "BAD_PATH"),
        ("", "BAD_PATH"),
        ("/etc/session.zip", "OUTSIDE_ROOTS"),
        ("../session.zip", "OUTSIDE_ROOTS"),
        ("nowhere/session.zip", "FILE_NOT_FOUND"),
        ("there.zip", "FILE_EXISTS"),
        ("folder.zip", "FILE_EXISTS"),
    ],
)
def test_a_zip_archive_is_not_asked_for_where_it_cannot_be(desk: Desk, file_name: str, code: str) -> None:
    session = completed(desk)
    (desk.instrument.data_root / "there.zip").write_text("mine")
    (desk.instrument.data_root / "folder.zip").mkdir()
    assert desk.refused("session_zip", file_name=file_name, session=session).code == code


def test_a_file_of_the_session_is_never_the_target_of_its_archive(desk: Desk) -> None:
    session = completed(desk)
    path = desk.instrument.data_root / "mine.zip"
    path.write_text("mine")
    desk.ask("file_add", path=str(path), session=session)
    assert desk.refused("session_zip", file_name="mine.zip", session=session, overwrite=True).code == "FILE_IS_DATA"


def test_a_job_is_asked_for_reported_and_ended(desk: Desk) -> None:
    session = completed(desk)
    job = desk.ask("session_zip", file_name="a.zip", session=session)
    assert desk.ask("job_show", job=job)["arguments"] == {
        "session": session,
        "target": str(desk.instrument.data_root / "a.zip"),
        "keep_folders": True,
        "overwrite": False,
    }
    assert desk.ask("job_report", by=WORKER, job=job, state="running", progress=0.25, detail="half a file")
    assert desk.ask("job_cancel", job=job) is True
    assert desk.ask("job_cancel", job=job) is False
    assert desk.ask("job_show", job=job)["cancel_asked"] is True
    assert desk.ask("job_report", by=WORKER, job=job, state="cancelled", detail="ended") is True
    assert desk.ask("job_report", by=WORKER, job=job, state="done") is False
    assert [item["state"] for item in desk.ask("job_list", session=session)] == ["cancelled"]
    assert desk.ask("job_list", states=["waiting"]) == []
    assert desk.ask("job_list", before=job) == []
    assert desk.kinds(session)[-4:] == ["job_requested", "job_running", "job_cancel_asked", "job_cancelled"]
    assert desk.refused("job_report", job=job, state="done").code == "NOT_PERMITTED"
    assert desk.refused("job_show", job=9999).code == "JOB_NOT_FOUND"


def test_only_a_folder_inside_the_roots_can_be_imported(desk: Desk) -> None:
    (desk.instrument.data_root / "file").write_text("x")
    assert desk.refused("session_import", path="file").code == "BAD_PATH"
    assert desk.refused("session_import", path="absent").code == "FILE_NOT_FOUND"
    assert desk.refused("session_import", path="/etc").code == "OUTSIDE_ROOTS"
    assert desk.ask("job_show", job=desk.ask("session_import", path="."))["kind"] == JobKind.IMPORT.value


def adopted(desk: Desk, **facts: Any) -> Any:
    """What the worker says of a session that another program measured."""
    record: dict[str, Any] = {
        "source": "pshell:/data/7",
        "name": "old",
        "user": "e12345",
        "start": "2024-12-30T10:00:00Z",
        "stop": "2024-12-30T11:00:00Z",
        "metadata": {"energy": 12.4},
        "runs": [{"file": "/data/7/a.h5", "start": "2024-12-30T10:10:00Z", "enabled": False, "reason": "why"}],
        "files": [{"path": "/data/7/note.txt"}],
    }
    return desk.ask("session_adopt", by=WORKER, record=record | facts)


def test_a_session_of_another_program_is_taken_over_once_and_hides_nothing_of_ours(desk: Desk) -> None:
    own = completed(desk)
    session = adopted(desk)
    assert session == own + 1
    assert adopted(desk) is None
    shown = desk.ask("session_show", session=session)
    assert (shown["state"], shown["user"], shown["source"]) == ("COMPLETED", "e12345", "pshell:/data/7")
    (run,) = shown["runs"]
    assert (run["state"], run["enabled"], run["origin"], run["reason"]) == ("COMPLETED", False, "imported", "why")
    assert [file["path"] for file in shown["files"]] == ["/data/7/note.txt"]
    assert desk.store.last_run(desk.instrument.name) == desk.store.run(own, 1)
    assert shown["ingest"] is None
    assert adopted(desk, source="pshell:/data/8", dataset_pid="20.500/8") == session + 1
    assert desk.state(session + 1) == "ARCHIVED"
    assert desk.refused("session_restart", by=STAFF, session=session + 1).code == "WRONG_STATE"


def test_a_file_that_was_recorded_twice_is_taken_over_once(desk: Desk) -> None:
    first = {"file": "/data/7/a.h5", "start": "2024-12-30T10:10:00Z", "title": "first"}
    session = adopted(desk, runs=[first, first | {"file": "/data/7/b.h5"}, first | {"title": "again"}])
    assert [run["title"] for run in desk.ask("run_list", session=session)] == ["first", "first"]


def test_a_run_of_another_beamline_is_taken_over_with_all_that_its_recorder_said(desk: Desk) -> None:
    files = ["/data/7/run_0001.nxs", "/data/7/run_0001_camera.h5"]
    account = {"detector": "camera", "expected": 5, "received": 3, "written": 3, "missing": 2}
    report = {"master": files[0], "files": files, "accounts": [account]}
    recorded = {"file": files[0], "start": "2024-12-30T10:10:00Z", "state": "INCOMPLETE", "report": report}
    failed = {"start": "2024-12-30T10:20:00Z", "state": "FAILED", "reason": "no camera"}
    runs = [recorded | {"frames": 5, "detectors": ["camera"]}, failed, failed]
    session = adopted(desk, runs=runs, files=[])
    assert desk.ask("session_files", session=session)[-2:] == files
    first, *others = desk.store.runs(session)
    assert (first.frames, first.detectors, first.report) == (5, ("camera",), report)
    assert [(run.number, run.state.value, run.file) for run in others] == [(2, "FAILED", ""), (3, "FAILED", "")]


def test_a_session_of_our_own_is_not_taken_over_again(desk: Desk) -> None:
    own = desk.store.session(completed(desk))
    source = f"beamsession:{desk.instrument.name}:{own.id}"
    assert adopted(desk, source=source, start=own.start.isoformat()) is None
    assert adopted(desk, source=source) == own.id + 1


@pytest.mark.parametrize("name", ["a/b", "..", "\n", "x" * 300])
def test_a_name_that_would_make_no_good_folder_is_made_harmless(desk: Desk, name: str) -> None:
    session = adopted(desk, name=name)
    assert desk.store.session(session).name.isprintable()
    assert ".." not in desk.store.session(session).folder


@pytest.fixture
def hooked(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk with a hook for everything, and one more for the end of sessions."""
    hooks = [HookConfig(name=f"on_{on.value}", on=on, command=("/bin/true",)) for on in HookEvent]
    hooks.append(HookConfig(name="mail", on=HookEvent.SESSION_FINISHED, entry_point="mail"))
    with open_desk(tmp_path, recorder, hooks=tuple(hooks)) as desk:
        yield desk


def test_hooks_are_noted_with_what_they_wait_for(hooked: Desk) -> None:
    session = completed(hooked)
    hooked.ask("session_restart", session=session)
    hooked.ask("session_complete")
    hooked.ask("session_archive", by=WORKER, session=session, pid="20.500/1")
    hooked.ask("session_start")
    hooked.ask("session_cancel")
    asked = [job.arguments["hook"] for job in reversed(hooked.store.jobs(hooked.instrument.name, kind=JobKind.HOOK))]
    finished = ["on_session_finished", "mail"]
    assert asked == [
        "on_session_started",
        "on_run_finished",
        *finished,
        "on_session_started",
        *finished,
        "on_session_archived",
        "on_session_started",
    ]
    first = hooked.store.jobs(hooked.instrument.name, session_id=session)[-1]
    assert first.arguments["event"]["kind"] == "session_started"


def test_a_failed_hook_is_acknowledged_like_an_unhappy_run(hooked: Desk) -> None:
    completed(hooked)
    assert hooked.ask("alarm_acknowledge") is False
    job = hooked.store.jobs(hooked.instrument.name)[0]
    hooked.ask("job_report", by=WORKER, job=job.id, state="failed", detail="The hook mail said no.")
    assert [item.id for item in hooked.store.unseen_failures(hooked.instrument.name, JobKind.HOOK)] == [job.id]
    assert hooked.ask("alarm_acknowledge") is True
    assert hooked.store.unseen_failures(hooked.instrument.name, JobKind.HOOK) == []
    assert hooked.ask("alarm_acknowledge") is False


def test_a_session_of_the_common_account_belongs_to_whoever_is_at_the_beamline(
    tmp_path: Path, recorder: Recorder
) -> None:
    with open_desk(tmp_path, recorder, operator="ana") as desk:
        session = completed(desk)  # by ana, who is nobody in particular here
        assert desk.ask("metadata_set", by=OTHER, session=session, values={"a": 1}) == {"a": 1}
        assert desk.ask("session_restart", by=OTHER, session=session) == session


def test_somebody_elses_session_is_sent_to_the_catalogue_by_staff_only(desk: Desk) -> None:
    session = completed(desk)
    assert desk.refused("ingest_request", by=OTHER, session=session).code == "NOT_PERMITTED"
    assert desk.ask("ingest_request", by=STAFF, session=session) is None


def test_a_run_ends_when_its_recorder_says_so_not_when_that_is_heard(desk: Desk) -> None:
    desk.ask("session_start")
    desk.record()
    ended = desk.drain()
    assert ended.stop is not None
    assert desk.store.run(desk.session.id, 1).stop == ended.stop


def test_the_data_root_is_no_file_of_an_imported_session(desk: Desk) -> None:
    root = {"path": str(desk.instrument.data_root), "is_folder": True}
    with pytest.raises(InvalidInputError) as refused:
        adopted(desk, files=[root])
    assert refused.value.code == "HOLDS_SESSIONS"
    assert desk.ask("session_list") == []
