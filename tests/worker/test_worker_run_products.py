"""Quick looks and single-file copies are made durably, beside the data and never among them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.errors import BeamsessionError
from beamsession.model.job import Job, JobState
from beamsession.model.states import SessionState
from beamsim.scicat import running_catalogue
from marked import alive
from recorded_run import record, spot
from worker_rig import Rig, eventually

FRAMES = 8


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One beamline for all tests here, each of which has a session of its own."""
    with running_catalogue() as catalogue:
        rig = Rig(tmp_path_factory.mktemp("products"), catalogue, has_recorder=True)
        try:
            rig.start_manager()
            rig.start_recorder()
            rig.start_worker()
            yield rig
        finally:
            rig.close()


@pytest.fixture
def session(rig: Rig) -> int:
    opened = rig.open_session({}).id
    rig.folder_of(opened).mkdir(parents=True, exist_ok=True)
    return opened


def with_run(rig: Rig, session: int) -> Path:
    """The master of a run with frames and readings that is registered in the session as its run 1."""
    frames = [spot((60, 80), 20, number) for number in range(FRAMES)]
    master = record(rig.folder_of(session), {"eiger": frames}).master
    rig.call("run_register", path=str(master))
    return master


def done(rig: Rig, verb: str, **arguments: Any) -> Job:
    job = rig.ended(rig.call(verb, **arguments))
    assert job.state is JobState.DONE, job
    return job


def refused(rig: Rig, verb: str, **arguments: Any) -> str:
    with pytest.raises(BeamsessionError) as caught:
        rig.call(verb, **arguments)
    return caught.value.code


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_quick_look_is_beside_the_run_is_shown_and_is_made_again_in_its_place(rig: Rig, session: int) -> None:
    master = with_run(rig, session)
    before = {name: content for name, content in contents(master.parent).items() if name.startswith("run_")}
    assert refused(rig, "run_quick_look_show", run=1) == "NO_QUICK_LOOK"
    job = done(rig, "run_quick_look", run=1)
    assert job.detail == f"{FRAMES} of {FRAMES} frames of eiger, 1 readings."
    shown = rig.call("run_quick_look_show", run=1)
    folder = master.parent / "run_0001_quicklook"
    assert (shown["folder"], shown["thumbnail"], shown["job"]) == (str(folder), "run_0001_eiger.png", job.id)
    assert shown["detectors"][0]["max"] == 1000
    assert set(contents(folder)) == set(shown["files"])
    again = done(rig, "run_quick_look", run=1)
    assert again.id > job.id
    assert rig.call("run_quick_look_show", run=1)["made"] > shown["made"]
    assert set(contents(folder)) == set(shown["files"])
    after = {name: content for name, content in contents(master.parent).items() if name.startswith("run_")}
    assert after == before, "the run's own files are as they were"
    assert list((rig.state / "quick_look").iterdir()) == []


def test_a_run_that_was_moved_keeps_its_quick_look_and_has_a_new_one_made_in_its_place(rig: Rig, session: int) -> None:
    master = with_run(rig, session)
    done(rig, "run_quick_look", run=1)
    rig.call("session_complete")
    other = rig.open_session({}, name="other").id
    [number] = rig.call("run_move", runs=[1], to=other, session=session)
    assert rig.call("run_quick_look_show", run=number, session=other)["folder"] == f"{master.parent}/run_0001_quicklook"
    again = done(rig, "run_quick_look", run=number, session=other)
    assert rig.call("run_quick_look_show", run=number, session=other)["job"] == again.id
    assert not list(rig.folder_of(other).glob("*quicklook*"))


def test_a_damaged_run_fails_with_the_reason_and_alarms_nobody(rig: Rig, session: int) -> None:
    (rig.folder_of(session) / "run_0001.nxs").write_bytes(b"no HDF5")
    rig.call("run_register", path="run_0001.nxs")
    job = rig.ended(rig.call("run_quick_look", run=1))
    assert job.state is JobState.FAILED
    assert "is missing, damaged or no HDF5 file" in job.detail
    assert refused(rig, "run_quick_look_show", run=1) == "NO_QUICK_LOOK"
    assert rig.call("alarm_acknowledge") is False
    assert rig.worker is not None
    assert rig.worker.poll() is None


def test_a_copy_is_made_once_in_its_usual_place_or_where_it_is_wanted(rig: Rig, session: int) -> None:
    master = with_run(rig, session)
    job = done(rig, "run_pack", run=1)
    target = master.parent / "run_0001_single.nxs"
    assert (job.result["file"], job.result["size"]) == (str(target), target.stat().st_size)
    with h5py.File(target) as file:
        data = file["/entry/eiger/data"]
        assert isinstance(data, h5py.Dataset)
        assert np.array_equal(data[3], spot((60, 80), 20, 3))
    assert refused(rig, "run_pack", run=1) == "FILE_EXISTS"
    named = done(rig, "run_pack", run=1, file_name=str(rig.folder / "mine.h5"))
    assert Path(named.result["file"]) == rig.folder / "mine.h5"
    for name, code in {
        str(master.parent / "other.nxs"): "FILE_IS_DATA",
        "/etc/other.nxs": "OUTSIDE_ROOTS",
        str(rig.folder / "mine.txt"): "BAD_PATH",
    }.items():
        assert refused(rig, "run_pack", run=1, file_name=name) == code


def test_a_file_that_came_while_the_copy_waited_is_not_replaced(rig: Rig, session: int) -> None:
    with_run(rig, session)
    target = rig.folder / "late.nxs"
    rig.kill_worker()
    waiting = rig.call("run_pack", run=1, file_name=str(target))
    target.write_bytes(b"somebody was faster")
    rig.start_worker()
    job = rig.ended(waiting)
    assert (job.state, target.read_bytes()) == (JobState.FAILED, b"somebody was faster")
    assert "exists already" in job.detail


def test_an_archive_has_the_quick_look_and_the_catalogue_has_the_data_alone(rig: Rig, session: int) -> None:
    master = with_run(rig, session)
    shown = done(rig, "run_quick_look", run=1).result
    done(rig, "run_pack", run=1)
    for name in ("run_0001_eiger.h5", "run_0001_readings.h5"):
        rig.call("file_add", path=name)
    notes = Path(shown["folder"]) / "notes.txt"
    notes.write_text("somebody's own")
    zipped = done(rig, "session_zip", file_name=str(rig.folder / "all.zip"))
    with zipfile.ZipFile(zipped.result["file"]) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    quick = {f"run_0001_quicklook/{name}" for name in (*shown["files"], notes.name)}
    data = {"run_0001.nxs", "run_0001_eiger.h5", "run_0001_readings.h5"}
    record_files = {"session.json", "runs.jsonl", "files.jsonl", "events.jsonl"}
    assert names == data | record_files | quick, "the copy would be all of it a second time"
    rig.call("session_complete")
    eventually(lambda: rig.store.session(session).state is SessionState.ARCHIVED, f"it is archived {rig.log()}")
    pid = rig.store.session(session).dataset_pid
    blocks = [block for block in rig.catalogue.state.blocks.values() if block["datasetId"] == pid]
    listed = {file["path"] for block in blocks for file in block["dataFileList"]}
    assert listed == data | record_files | {f"run_0001_quicklook/{notes.name}"}
    assert (master.parent / "run_0001_single.nxs").exists()
    assert done(rig, "run_quick_look", run=1, session=session), "also of what is final"


@pytest.mark.crash
def test_killed_in_the_middle_of_a_copy_nothing_half_done_has_its_name_and_it_is_done_again(
    rig: Rig, session: int
) -> None:
    folder = rig.folder_of(session)
    with h5py.File(folder / "run_0001.nxs", "w") as file:
        file.create_dataset("entry/data", data=np.zeros((192, 1024, 1024), "u1"), chunks=(1, 1024, 1024))
    rig.call("run_register", path="run_0001.nxs")
    target = folder / "run_0001_single.nxs"
    job_id = rig.call("run_pack", run=1)

    def parts() -> list[Path]:
        return [path for path in folder.glob(".*.part") if path.stat().st_size]

    eventually(parts, "the copy is being written")
    rig.kill_worker()
    assert not target.exists()
    eventually(lambda: not alive(f"{job_id}@{rig.state.resolve()}"), "what worked for the killed worker has ended")
    rig.start_worker()
    job = rig.ended(job_id)
    assert job.state is JobState.DONE, job
    assert job.result["chunks_compared"] == 8
    assert parts() == []
    assert target.stat().st_size > 192 * 2**20
    target.unlink()
    (folder / "run_0001.nxs").unlink()
