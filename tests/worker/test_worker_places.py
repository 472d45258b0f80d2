"""What is in the catalogue is what belongs to the session: not disabled runs, not moved ones, but those moved in."""

from __future__ import annotations

import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.job import JobState
from beamsession.model.principal import Caller, Principal
from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsession.store import Store
from worker_rig import AtWork, Rig, eventually

RECORD = {"session.json", "runs.jsonl", "files.jsonl", "events.jsonl"}
HELD = AtWork(catalogue_options="hold_s = 3600\n", has_recorder=True)
REFERENCED = replace(HELD, data_options='added_files = "reference"')
held = pytest.mark.parametrize("rig", [HELD], indirect=True)


def session_with_runs(rig: Rig, *numbers: int) -> Session:
    """An open session whose runs are masters that link to data files beside them."""
    session = rig.open_session({})
    folder = rig.folder_of(session.id)
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        with h5py.File(folder / f"run_{number:04d}.nxs", "w") as master:
            master["data"] = h5py.ExternalLink(f"run_{number:04d}_eiger.h5", "frames")
        with h5py.File(folder / f"run_{number:04d}_eiger.h5", "w") as data:
            data["frames"] = [session.id, number]
        rig.call("run_register", path=f"run_{number:04d}.nxs")
        report_data_file(rig, session, number)
    return session


def report_data_file(rig: Rig, session: Session, number: int) -> None:
    """Say of a run what its recorder would have said: that it has a data file too."""
    with (
        closing(Store.open(rig.beamline.store_url)) as store,
        store.transaction(Caller(Principal("anna"), "cli"), "B1") as change,
    ):
        run = change.run(session.id, number)
        data = Path(run.file).with_name(f"run_{number:04d}_eiger.h5")
        change.change_run(run, report={"master": run.file, "files": [str(data)]})
        change.event("run_completed", session_id=session.id, run_number=number)


def send(rig: Rig, session: Session) -> dict[str, Any]:
    """The session's dataset, after asking for its ingest."""
    rig.call("ingest_request", session=session.id)
    eventually(
        lambda: rig.store.session(session.id).state is SessionState.ARCHIVED,
        f"session {session.id} is archived; {rig.store.ingest(session.id)}\n{rig.log()}",
    )
    return rig.catalogue.state.datasets[rig.store.session(session.id).dataset_pid]


def listed(rig: Rig, dataset: dict[str, Any]) -> set[str]:
    blocks = [block for block in rig.catalogue.state.blocks.values() if block["datasetId"] == dataset["pid"]]
    paths = [file["path"] for block in blocks for file in block["dataFileList"]]
    assert len(paths) == len(set(paths))
    return set(paths) - RECORD


def files_of(*numbers: int) -> set[str]:
    return {name for number in numbers for name in (f"run_{number:04d}.nxs", f"run_{number:04d}_eiger.h5")}


@held
def test_disabled_runs_stay_out_of_the_catalogue_and_in_the_folder(rig: Rig) -> None:
    session = session_with_runs(rig, 1, 2, 3)
    rig.call("run_disable", run=2)
    rig.call("session_complete")
    dataset = send(rig, session)
    assert listed(rig, dataset) == files_of(1, 3)
    assert set(dataset["scientificMetadata"]["runs"]) == {"run_0001", "run_0003"}
    assert (rig.folder_of(session.id) / "run_0002.nxs").exists()


@held
def test_a_moved_run_is_in_the_session_that_it_was_moved_to_with_links_that_hold(rig: Rig) -> None:
    first = session_with_runs(rig, 1, 2)
    second = session_with_runs(rig, 1)
    rig.call("run_move", session=first.id, runs=[2], to=second.id)
    rig.call("session_complete")
    left, right = send(rig, first), send(rig, second)
    assert listed(rig, left) == files_of(1)
    moved = f"moved/{first.id:06d}"
    assert listed(rig, right) == files_of(1) | {f"{moved}/{name}" for name in files_of(2)}
    runs = right["scientificMetadata"]["runs"]
    assert runs["run_0002"]["file"]["value"] == f"{moved}/run_0002.nxs"
    place = rig.folder_of(second.id) / moved
    with h5py.File(place / "run_0002.nxs") as master:
        assert [int(value) for value in np.asarray(master["data"])] == [first.id, 2]
    origin = rig.folder_of(first.id) / "run_0002_eiger.h5"
    assert (place / "run_0002_eiger.h5").stat().st_ino == origin.stat().st_ino


@held
def test_a_detached_run_leaves_no_trace_in_the_dataset_of_its_old_session(rig: Rig) -> None:
    session = session_with_runs(rig, 1, 2)
    rig.call("session_complete")
    detached = rig.store.session(rig.call("run_detach", session=session.id, runs=[2], name="alone"))
    assert listed(rig, send(rig, detached)) == {f"moved/{session.id:06d}/{name}" for name in files_of(2)}
    assert listed(rig, send(rig, session)) == files_of(1)


@held
def test_a_run_moved_back_is_at_home_again(rig: Rig) -> None:
    first = session_with_runs(rig, 1, 2)
    second = session_with_runs(rig, 1)
    (number,) = rig.call("run_move", session=first.id, runs=[2], to=second.id)
    rig.call("run_move", session=second.id, runs=[number], to=first.id)
    rig.call("session_complete")
    assert listed(rig, send(rig, first)) == files_of(1, 2)
    assert listed(rig, send(rig, second)) == files_of(1)


@held
def test_what_a_parked_try_had_brought_in_and_was_taken_off_since_is_not_sent(rig: Rig) -> None:
    session = session_with_runs(rig, 1)
    outside = rig.new_folder()
    wanted, unwanted = outside / "wanted.log", outside / "unwanted.log"
    for path in (unwanted, wanted):
        path.write_text(path.name)
        rig.call("file_add", path=str(path))
    rig.call("session_complete")
    gone = rig.folder_of(session.id) / "run_0001.nxs"
    gone.rename(outside / "elsewhere.nxs")
    rig.call("ingest_request", session=session.id)

    def parked() -> str:
        ingest = rig.store.ingest(session.id)
        return ingest.detail if ingest is not None and ingest.state is IngestState.PARKED else ""

    assert "run_0001.nxs" in eventually(parked, f"it is parked; {rig.store.ingest(session.id)}")
    assert (rig.folder_of(session.id) / "added" / "unwanted.log").exists()
    rig.call("file_remove", path=str(unwanted), session=session.id)
    rig.call("run_disable", run=1, session=session.id)
    assert listed(rig, send(rig, session)) == {"added/wanted.log"}


@held
def test_a_registered_run_from_outside_is_copied_into_the_folder(rig: Rig) -> None:
    session = rig.open_session({})
    outside = rig.new_folder() / "scan_17.h5"
    outside.write_bytes(b"by another program")
    rig.call("run_register", path=str(outside))
    rig.call("session_complete")
    dataset = send(rig, session)
    assert listed(rig, dataset) == {"added/scan_17.h5"}
    assert dataset["scientificMetadata"]["runs"]["run_0001"]["file"]["value"] == "added/scan_17.h5"


@held
def test_all_of_what_was_added_is_sent_and_what_cannot_be_is_counted(rig: Rig) -> None:
    session = rig.open_session(
        {".mask.json": b"inside", "moved/mine/a.dat": b"added", "moved/strange.dat": b"no one's"}
    )
    outside = rig.new_folder()
    folder = outside / "scans"
    folder.mkdir()
    (folder / ".hid").write_bytes(b"hidden")
    (folder / "here").symlink_to(".hid")
    (folder / "there").symlink_to(outside)
    (outside / ".outside.json").write_bytes(b"outside")
    own = rig.folder_of(session.id)
    for path in (own / ".mask.json", own / "moved" / "mine", folder, outside / ".outside.json"):
        rig.call("file_add", path=str(path))
    rig.call("session_complete")
    sent = listed(rig, send(rig, session))
    assert sent == {".mask.json", "moved/mine/a.dat", "added/scans/.hid", "added/.outside.json"}
    eventually(lambda: "3 links and other files were left out" in rig.log(), f"it is said; {rig.log()}")


@pytest.mark.parametrize("rig", [REFERENCED], indirect=True)
def test_where_files_are_referenced_they_stay_outside_and_are_named(rig: Rig) -> None:
    other = session_with_runs(rig, 1)
    session = rig.open_session({"notes.txt": b"inside"})
    outside = rig.new_folder() / "Łukasz 2θ.log"
    outside.write_bytes(b"outside")
    rig.call("file_add", path=str(outside))
    rig.call("run_move", session=other.id, runs=[1], to=session.id)
    rig.call("session_complete")
    dataset = send(rig, session)
    moved = {f"moved/{other.id:06d}/{name}" for name in files_of(1)}
    assert listed(rig, dataset) == {"notes.txt"} | moved, "runs that were moved come all the same"
    named = dataset["scientificMetadata"]["referenced_files"]
    assert (named["value"], named["count"]) == ([str(outside)], 1)
    assert not (rig.folder_of(session.id) / "added").exists()


@held
@pytest.mark.parametrize("keep_folders", [True, False])
def test_an_archive_holds_each_run_with_its_own_data_though_runs_of_one_name_came_together(
    rig: Rig, keep_folders: bool, tmp_path: Path
) -> None:
    first = session_with_runs(rig, 1)
    second = session_with_runs(rig, 1)
    rig.call("run_move", runs=[1], to=second.id, session=first.id)
    target = rig.data_root / f"both_{second.id}.zip"
    asked = {"file_name": str(target), "preserve_folder_structure": keep_folders}
    job = rig.ended(rig.call("session_zip", session=second.id, **asked))
    assert job.state is JobState.DONE, job
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(target) as archive:
        archive.extractall(unpacked)
    for place, session in (("", second), (f"moved/{first.id:06d}", first)):
        with h5py.File(unpacked / place / "run_0001.nxs") as master:
            frames: Any = master["data"]
            assert list(frames[()]) == [session.id, 1]
