"""What an import takes over of a session: all that belongs to it, once, and nothing from outside the allowed roots."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beamsession.archive.session_folder import SessionFolder, SessionRecord
from beamsession.model.completeness import Completeness, Gap
from beamsession.model.job import Job, JobState
from beamsession.model.plain import plain
from beamsession.model.plan import FileRules, RunKey
from beamsession.model.report import RunReport
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import RunIntent, RunState, SessionState
from worker_rig import AtWork, Rig

pytestmark = pytest.mark.parametrize("rig", [AtWork(has_catalogue=False, has_recorder=True)], indirect=True)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOME = "2026/p1/000003_x"
RECORDED = Path("/gpfs/there", HOME)
FILES = ("run_0001.nxs", "run_0001_camera.h5", "run_0001_readings.h5")
SESSION = Session(
    id=3,
    instrument="B7",
    name="x",
    title="",
    state=SessionState.COMPLETED,
    user="anna",
    proposal="p1",
    folder=HOME,
    start=NOW,
    stop=NOW,
    run_count=2,
    last_run_number=2,
)
REPORT = RunReport(
    key=RunKey(instrument="B7", session_id=3, run_number=1),
    state=RunState.INCOMPLETE,
    reason="2 frames are missing",
    start=NOW,
    stop=NOW,
    accounts=(
        Completeness(
            detector="camera", expected=5, received=3, written=3, lost=2, missing=2, gaps=(Gap(first=4, last=5),)
        ),
    ),
    master=RECORDED / FILES[0],
    files=tuple(RECORDED / name for name in FILES),
    check=(),
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
    file=str(RECORDED / FILES[0]),
    frames=5,
    detectors=("camera",),
    report=plain(REPORT),
    reason=REPORT.reason,
)
FAILED = replace(RUN, id=9, number=2, state=RunState.FAILED, file="", report={}, reason="The camera is silent.")


def recorded(folder: Path, instrument: str) -> Path:
    """The session of that other beamline in `folder`, where it was not recorded; each test has one of its own."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    SessionFolder(folder, FileRules()).seal(SessionRecord(replace(SESSION, instrument=instrument), None, (RUN, FAILED)))
    return folder


def foreign(folder: Path, **info: Any) -> Path:
    """A session as another program leaves it."""
    folder.mkdir(parents=True)
    (folder / "info.json").write_text(json.dumps({"id": 1, "name": "old"} | info))
    return folder


def imported(rig: Rig, folder: Path) -> Job:
    return rig.ended(rig.call("session_import", path=str(folder)))


def failure(job: Job) -> str:
    """Why the only session of the job was not imported."""
    assert (job.state, job.result["imported"]) == (JobState.FAILED, []), job
    (failed,) = job.result["failed"]
    assert job.detail.endswith(f"1 failed: {failed['reason']}")
    return failed["reason"]


def test_a_recorded_session_keeps_its_data_files_and_its_verdict(rig: Rig) -> None:
    folder = recorded(rig.new_folder() / "copied", "B7")
    job = imported(rig, folder)
    assert job.state is JobState.DONE, job
    session = job.result["imported"][0]["session"]
    run, failed = rig.store.runs(session)
    assert (run.number, run.state, run.reason, run.origin) == (1, RUN.state, RUN.reason, RunOrigin.IMPORTED)
    assert (run.frames, run.detectors) == (5, ("camera",))
    assert run.report["accounts"] == RUN.report["accounts"]
    assert (failed.number, failed.state, failed.file, failed.report) == (2, RunState.FAILED, "", {})
    paths = [str(folder / name) for name in FILES]
    assert rig.call("session_files", session=session, relative=False)[-3:] == paths
    target = folder.parent / "all.zip"
    archive_job = rig.ended(rig.call("session_zip", file_name=str(target), session=session))
    assert (archive_job.state, archive_job.result["missing"]) == (JobState.DONE, []), archive_job
    with zipfile.ZipFile(target) as archive:
        for name in FILES:
            assert archive.read(name) == name.encode()


def test_of_two_copies_of_a_session_the_second_is_known(rig: Rig) -> None:
    folder = rig.new_folder()
    recorded(folder / "3", "B8")
    shutil.copytree(folder / "3", folder / "4")
    job = imported(rig, folder)
    assert job.state is JobState.DONE, job
    assert [item["source"] for item in job.result["imported"]] == ["beamsession:B8:3"]
    assert job.result["skipped"] == [{"source": "beamsession:B8:3", "reason": "It was imported before."}]
    assert job.result["failed"] == []


def test_a_record_takes_nothing_from_outside_the_allowed_roots(
    rig: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("not yours")
    place = rig.new_folder()
    (place / "link.h5").symlink_to(secret)
    outside = {"data": str(secret)}
    upwards = {"data": str(place / ".." / ".." / secret.parent.name / secret.name)}
    foreign(place / "1", runs=[outside])
    foreign(place / "2", files=[str(secret)])
    foreign(place / "3", root=str(secret.parent), runs=[{"data": secret.name}])
    foreign(place / "4", root=str(place), runs=[upwards])
    foreign(place / "5", root=str(place), files=["../../../../../../../../etc/passwd"])
    foreign(place / "6", root=str(place), runs=[{"data": "link.h5"}])
    foreign(place / "7", root=str(place), runs=[{"data": "absent.h5"}], files=["absent.txt"])
    copied = recorded(place / "8", "B9")
    (copied / FILES[1]).unlink()
    (copied / FILES[1]).symlink_to(secret)
    job = imported(rig, place)
    assert [item["source"] for item in job.result["imported"]] == [f"pshell:{place / '7'}"]
    reasons = [item["reason"] for item in job.result["failed"]]
    assert [str(secret) in reason for reason in reasons] == [True, True, True, True, False, True, True], reasons
    assert "/etc/passwd lies outside" in reasons[4]
    assert all("data.allowed_roots" in reason for reason in reasons)
    assert job.detail.startswith(f"1 sessions imported, 0 skipped, 7 failed: {reasons[0]}")
    assert job.detail.endswith("(6 more failed.)")
    session = job.result["imported"][0]["session"]
    (run,), (file,) = rig.store.runs(session), rig.store.files(session)
    assert (run.file, file.path, file.size) == (str(place / "absent.h5"), str(place / "absent.txt"), 0)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("info.json", "[1, 2]", "it is no object of keys and values"),
        ("metadata.json", "{}", "Put it back from a copy"),
    ],
)
def test_the_job_says_why_a_folder_is_not_imported(rig: Rig, name: str, content: str, sentence: str) -> None:
    folder = rig.new_folder() / "5"
    folder.mkdir()
    (folder / name).write_text(content)
    reason = failure(imported(rig, folder))
    assert str(folder / "info.json") in reason
    assert sentence in reason
    assert "_Info" not in reason
