"""Jobs are done once and whole, told about, and ended on request, whatever happens to worker and manager."""

from __future__ import annotations

import json
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.job import Job, JobKind, JobState
from worker_rig import AtWork, Rig, eventually

FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 3_000_000, "added/notes.txt": b"two theta"}
PLAIN = {"has_catalogue": False, "has_recorder": True}


@pytest.fixture(autouse=True)
def _small_remains(rig: Rig) -> Iterator[None]:
    """What is kept of a test to look at is not worth gigabytes."""
    yield
    for path in (*rig.folder.glob("*.zip"), *rig.folder.glob(".*.part"), *rig.folder.rglob("big.h5")):
        path.unlink()


of_its_own = pytest.mark.parametrize("rig", [PLAIN], indirect=True)
at_work = pytest.mark.parametrize("rig", [AtWork(has_catalogue=False, has_recorder=True)], indirect=True)


def started(rig: Rig, files: dict[str, bytes]) -> int:
    """A session whose files are registered or added, with all servers running."""
    if rig.worker is None:
        rig.start_recorder()
        rig.start_worker()
    session = rig.open_session(files)
    for name in files:
        verb = "run_register" if name.endswith(".nxs") else "file_add"
        rig.call(verb, path=str(rig.folder_of(session.id) / name))
    return session.id


def names(path: str) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {entry.filename for entry in archive.infolist() if not entry.is_dir()}


def big_session(rig: Rig, mib: int = 512) -> int:
    """A session with a file that takes a while to copy; it takes no space."""
    session_id = started(rig, {"run_0001.nxs": b"master"})
    path = rig.folder_of(session_id) / "big.h5"
    with path.open("wb") as stream:
        stream.truncate(mib * 1024 * 1024)
    rig.call("file_add", path=str(path))
    return session_id


def under_way(rig: Rig, job_id: int) -> None:
    eventually(lambda: rig.store.job(job_id).state is JobState.RUNNING, f"job {job_id} has begun; {rig.log()}")


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


@at_work
def test_an_archive_holds_the_record_the_enabled_runs_and_the_added_files(rig: Rig) -> None:
    session_id = started(rig, FILES)
    (rig.folder_of(session_id) / "run_0002.nxs").write_bytes(b"second")
    rig.call("run_register", path="run_0002.nxs")
    rig.call("run_disable", run=2)
    target = rig.folder / "all.zip"
    job = rig.ended(rig.call("session_zip", file_name=str(target), session=session_id))
    assert job.state is JobState.DONE, job
    assert (job.progress, job.result["file"], job.result["missing"]) == (1.0, str(target), [])
    assert names(str(target)) == {*FILES, "session.json", "runs.jsonl", "files.jsonl", "events.jsonl"}
    assert job.result["files"] == len(names(str(target)))
    with zipfile.ZipFile(target) as archive:
        events = [json.loads(line)["kind"] for line in archive.read("events.jsonl").splitlines()]
    assert "run_disabled" in events, "the record in the archive is up to date"
    assert not (rig.folder_of(session_id) / "later_events.jsonl").exists(), "the session goes on"


@of_its_own
def test_an_existing_archive_is_replaced_only_when_told_so(rig: Rig) -> None:
    session_id = started(rig, FILES)
    target = rig.folder / "all.zip"
    job = rig.ended(rig.call("session_zip", file_name=str(target), session=session_id))
    rig.kill_worker()
    target.unlink()
    waiting = rig.call("session_zip", file_name=str(target), session=session_id)
    target.write_bytes(b"somebody was faster")
    rig.start_worker()
    refused = rig.ended(waiting)
    assert (refused.state, target.read_bytes()) == (JobState.FAILED, b"somebody was faster")
    assert f"{target} exists already" in refused.detail
    again = rig.ended(rig.call("session_zip", file_name=str(target), session=session_id, overwrite=True))
    assert (again.state, again.result["files"]) == (JobState.DONE, job.result["files"])


@at_work
def test_of_two_archives_of_one_name_one_is_there_and_the_other_is_refused(rig: Rig) -> None:
    session_id = big_session(rig)
    target = rig.folder / "all.zip"
    jobs = [rig.call("session_zip", file_name=str(target), session=session_id) for _ in range(2)]
    for job_id in jobs:
        under_way(rig, job_id)
    ended = sorted((rig.ended(job_id) for job_id in jobs), key=lambda job: job.state)
    assert [job.state for job in ended] == [JobState.DONE, JobState.FAILED], ended
    assert f"{target} exists already" in ended[1].detail
    with zipfile.ZipFile(target) as archive:
        assert archive.comment.decode() == f"[B1-job-{ended[0].id}]"
    assert parts(rig.folder) == []


@of_its_own
def test_what_became_data_while_the_job_waited_is_not_overwritten(rig: Rig) -> None:
    session_id = started(rig, FILES)
    target = rig.folder / "scan.zip"
    target.write_bytes(b"measured")
    rig.kill_worker()
    waiting = rig.call("session_zip", file_name=str(target), session=session_id, overwrite=True)
    rig.call("run_register", path=str(target))
    rig.start_worker()
    refused = rig.ended(waiting)
    assert refused.state is JobState.FAILED
    assert f"is data of session {session_id}" in refused.detail
    assert target.read_bytes() == b"measured"


@pytest.mark.crash
@of_its_own
def test_killed_in_the_middle_of_an_archive_it_is_done_again_and_nothing_half_done_stays(rig: Rig) -> None:
    session_id = big_session(rig)
    target = rig.folder / "all.zip"
    job_id = rig.call("session_zip", file_name=str(target), session=session_id)
    for _ in range(3):
        eventually(lambda: parts(rig.folder) or target.exists(), "the archive is being written")
        rig.kill_worker()
        assert not target.exists() or names(str(target))
        rig.start_worker()
    job = rig.ended(job_id)
    assert job.state is JobState.DONE, job
    assert "big.h5" in names(str(target))
    assert parts(rig.folder) == []


@at_work
def test_an_archive_that_is_not_wanted_any_more_leaves_nothing(rig: Rig) -> None:
    session_id = big_session(rig, mib=4096)
    target = rig.folder / "all.zip"
    job_id = rig.call("session_zip", file_name=str(target), session=session_id)
    eventually(lambda: parts(rig.folder), "the archive is being written")
    assert rig.call("job_cancel", job=job_id) is True
    job = rig.ended(job_id)
    assert (job.state, job.result) == (JobState.CANCELLED, {})
    assert not target.exists()
    assert parts(rig.folder) == []


@at_work
def test_a_job_that_waits_behind_long_ones_is_called_off_at_once(rig: Rig) -> None:
    # As long as the disk allows: they must not end by themselves, and write little before they are cancelled.
    session_id = big_session(rig, mib=min(shutil.disk_usage(rig.folder).free // 4 // 2**20, 65_536))
    long = [rig.call("session_zip", file_name=str(rig.folder / f"{n}.zip"), session=session_id) for n in range(2)]
    waiting = rig.call("session_zip", file_name=str(rig.folder / "waiting.zip"), session=session_id)
    for job_id in long:
        under_way(rig, job_id)
    rig.call("job_cancel", job=waiting)
    job = rig.ended(waiting)
    assert (job.state, job.detail) == (JobState.CANCELLED, "It was ended on request before its turn.")
    for job_id in long:
        rig.call("job_cancel", job=job_id)
    assert {rig.ended(job_id).state for job_id in long} == {JobState.CANCELLED}
    assert list(rig.folder.glob("*.zip")) == []


@of_its_own
def test_a_manager_that_is_down_is_told_later_how_it_ended(rig: Rig) -> None:
    session_id = big_session(rig)
    target = rig.folder / "all.zip"
    job_id = rig.call("session_zip", file_name=str(target), session=session_id)
    under_way(rig, job_id)
    # Not before: a worker that has not heard the answer to its report waits for the manager with the work itself.
    eventually(lambda: parts(rig.folder) or target.exists(), "the archive is being written")
    rig.kill_manager()
    eventually(target.exists, "the archive is there")
    rig.start_manager()
    assert rig.ended(job_id).state is JobState.DONE
    kinds = [event.kind for event in rig.store.events(limit=10_000)]
    assert kinds.count("job_done") == 1


@of_its_own
def test_sigterm_in_the_middle_of_an_archive_stops_it_and_it_is_done_later(rig: Rig) -> None:
    session_id = big_session(rig)
    target = rig.folder / "all.zip"
    job_id = rig.call("session_zip", file_name=str(target), session=session_id)
    eventually(lambda: parts(rig.folder), "the archive is being written")
    assert rig.worker is not None
    begun = time.monotonic()
    rig.worker.send_signal(signal.SIGTERM)
    assert rig.worker.wait(10) == 0
    assert time.monotonic() - begun < 5
    rig.start_worker()
    assert rig.ended(job_id).state is JobState.DONE
    assert parts(rig.folder) == []


@of_its_own
def test_a_lost_job_database_costs_time_only(rig: Rig) -> None:
    session_id = big_session(rig)
    job_id = rig.call("session_zip", file_name=str(rig.folder / "all.zip"), session=session_id)
    under_way(rig, job_id)
    rig.kill_worker()
    for path in rig.state.glob("jobs.sqlite*"):
        path.unlink()
    rig.start_worker()
    assert rig.ended(job_id).state is JobState.DONE


def foreign(folder: Path, number: int, **changes: Any) -> None:
    """A session as another program leaves it."""
    place = folder / str(number)
    place.mkdir(parents=True)
    data = folder / f"data_{number}.h5"
    data.write_bytes(b"measured")
    run = {"data": str(data), "start": 1_600_000_000_000, "stop": 1_600_000_100_000, "state": "completed"}
    info = {"id": number, "name": f"old {number}", "user": "ana", "start": 1_600_000_000_000}
    info |= {"stop": 1_600_000_200_000, "state": "completed", "root": str(folder), "runs": [run]}
    (place / "info.json").write_text(json.dumps(info | changes))
    (place / "metadata.json").write_text(json.dumps({"sample": "CeO2"}))


def imported(rig: Rig, folder: Path) -> Job:
    return rig.ended(rig.call("session_import", path=str(folder)))


@at_work
def test_foreign_sessions_are_imported_once_and_a_bad_one_does_not_stop_the_others(rig: Rig) -> None:
    folder = rig.folder / "foreign"
    for number in (1, 2, 3):
        foreign(folder, number)
    (folder / "2" / "info.json").write_text("{damaged")
    job = imported(rig, folder)
    assert job.state is JobState.DONE, job
    assert [item["source"] for item in job.result["imported"]] == [f"pshell:{folder / n}" for n in ("1", "3")]
    (failed,) = job.result["failed"]
    assert "info.json" in failed["reason"]
    session = rig.store.session(job.result["imported"][0]["session"])
    assert (session.name, session.user, session.metadata) == ("old 1", "ana", {"sample": "CeO2"})
    (run,) = rig.store.runs(session.id)
    assert run.file == str(folder / "data_1.h5")
    again = imported(rig, folder)
    assert [item["reason"] for item in again.result["skipped"]] == ["It was imported before."] * 2
    assert again.result["imported"] == []


@pytest.mark.crash
@of_its_own
def test_killed_in_the_middle_of_an_import_each_session_is_there_once(rig: Rig) -> None:
    rig.start_recorder()
    folder = rig.folder / "foreign"
    for number in range(60):
        foreign(folder, number)
    job_id = rig.call("session_import", path=str(folder))
    for life in range(1, 4):
        rig.start_worker()
        eventually(lambda life=life: len(rig.store.session_ids("B1")) >= life * 10, "some sessions are imported")
        rig.kill_worker()
    rig.start_worker()
    job = rig.ended(job_id)
    assert len(job.result["imported"]) == len(rig.store.session_ids("B1")) == 60
    assert job.result["skipped"] == job.result["failed"] == []


@at_work
def test_a_folder_without_sessions_is_refused_with_a_sentence(rig: Rig) -> None:
    (rig.folder / "empty").mkdir()
    job = imported(rig, rig.folder / "empty")
    assert (job.state, job.kind) == (JobState.FAILED, JobKind.IMPORT)
    assert "holds no session" in job.detail
