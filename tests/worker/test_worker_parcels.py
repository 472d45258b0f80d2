"""A session becomes as many datasets as it is to be, and every file of it is in exactly one of them."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.model.plan import RunKey
from beamsession.model.principal import Caller, Principal
from beamsession.model.report import RunReport
from beamsession.model.session import Session
from beamsession.model.states import IngestState, RunState, SessionState
from beamsession.servers.worker.ingest.attempt import attempt_folder
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.store import Store
from beamsim.scicat import Fault, FaultKind, running_catalogue
from worker_rig import Rig, eventually

BLOCKS = "POST /api/v3/origdatablocks"
DATASETS = "POST /api/v4/datasets"
LARGE = 60_000_000
OPTIONS = """unit = "run"
checksum_threads = 3
[catalogue.blocks]
files = 5000
data_bytes = 1000000
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One beamline for all tests here, each of which has a session of its own."""
    with running_catalogue() as catalogue:
        rig = Rig(tmp_path_factory.mktemp("parcels"), catalogue, OPTIONS, has_recorder=True)
        try:
            rig.start_manager()
            rig.start_recorder()
            rig.start_worker()
            yield rig
        finally:
            rig.close()


def with_runs(rig: Rig, runs: dict[int, dict[str, bytes]], **arguments: Any) -> Session:
    """An open session with these runs, whose masters come first among their files."""
    session = rig.open_session({}, **arguments)
    folder = rig.folder_of(session.id)
    folder.mkdir(parents=True, exist_ok=True)
    for number, files in runs.items():
        for name, content in files.items():
            (folder / name).write_bytes(content)
        master, *data = files
        rig.call("run_register", path=master, title=f"scan {number}")
        with (
            closing(Store.open(rig.beamline.store_url)) as store,
            store.transaction(Caller(Principal("anna"), "cli"), "B1") as change,
        ):
            run = change.run(session.id, number)
            key = RunKey(instrument="B1", session_id=session.id, run_number=number)
            files = tuple(folder / name for name in data)
            report = RunReport(key=key, state=RunState.COMPLETED, master=Path(run.file), files=files)
            change.change_run(
                run, report=report.model_dump(mode="json"), metadata={"angle": {"value": number, "unit": "deg"}}
            )
            change.event("run_completed", session_id=session.id, run_number=number)
    return session


def archived(rig: Rig, session: Session) -> dict[str, Any]:
    """The session's ingest once it is in the catalogue."""
    try:
        eventually(lambda: rig.store.session(session.id).state is SessionState.ARCHIVED, f"{session.id} is archived")
    except AssertionError as fault:
        raise AssertionError(f"{rig.store.ingest(session.id)}\n{rig.log()}") from fault
    return rig.call("ingest_show", session=session.id)


def listed(rig: Rig, pid: str) -> dict[str, dict[str, Any]]:
    blocks = [block for block in rig.catalogue.state.blocks.values() if block["datasetId"] == pid]
    files = [file for block in blocks for file in block["dataFileList"]]
    assert len({file["path"] for file in files}) == len(files)
    return {file["path"]: file for file in files}


def on_disk(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "later_"))
    }


def known(rig: Rig, session: Session) -> dict[str, str]:
    store = ChecksumStore(attempt_folder(rig.state / "ingest", session.id))
    return {file.path: file.checksum for file in store.known(ChecksumAlgorithm.SHA256)}


def bytes_read(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar")).split()[1])


def test_each_run_is_a_dataset_and_the_session_s_other_files_one_more(running: Rig) -> None:
    rig = running
    session = with_runs(
        rig,
        {
            1: {"run_0001.nxs": b"master 1", "run_0001_eiger.h5": b"frames"},
            2: {"run_0002.nxs": b"master 2"},
            3: {"run_0003.nxs": b"master 3", "run_0003_eiger.h5": b"more frames", "elsewhere.h5": b"readings"},
        },
        metadata={"energy": {"value": 12.4, "unit": "keV"}},
    )
    folder = rig.folder_of(session.id)
    (folder / "added").mkdir()
    (folder / "added" / "2θ.txt").write_bytes(b"notes")
    (folder / "run_0003_thumb.png").write_bytes(b"made of run 3")
    rig.call("run_disable", run=2)
    rig.call("session_complete")
    ingest = archived(rig, session)
    datasets = ingest["datasets"]
    assert [(item["run"], item["state"]) for item in datasets] == [(None, "stored"), (1, "stored"), (3, "stored")]
    assert ingest["pid"] == datasets[0]["pid"] == rig.store.session(session.id).dataset_pid
    files = [listed(rig, item["pid"]) for item in datasets]
    assert set(files[1]) == {"run_0001.nxs", "run_0001_eiger.h5"}
    assert set(files[2]) == {"run_0003.nxs", "run_0003_eiger.h5", "elsewhere.h5", "run_0003_thumb.png"}
    disk = {path: place for path, place in on_disk(folder).items() if path != "run_0002.nxs"}
    assert sorted(path for own in files for path in own) == sorted(disk)
    for own, item in zip(files, datasets, strict=True):
        stored = rig.catalogue.state.datasets[item["pid"]]
        assert stored["numberOfFiles"] == item["files"] == len(own)
        assert stored["size"] == item["bytes"] == sum(file["size"] for file in own.values())
        assert stored["sourceFolder"] == str(folder)
        assert stored["scientificMetadata"]["session_id"]["value"] == session.id
        assert stored["scientificMetadata"]["energy"]["value"] == 12.4
        assert f"session:{session.id}" in stored["keywords"]
        for path, file in own.items():
            assert file["chk"] == hashlib.sha256(disk[path].read_bytes()).hexdigest()
    third = rig.catalogue.state.datasets[datasets[2]["pid"]]
    assert third["scientificMetadata"]["angle"]["value"] == 3
    assert third["scientificMetadata"]["run_number"]["value"] == 3
    assert (third["runNumber"], third["datasetName"]) == ("3", "Łukasz 2θ, run 3 scan 3")


def test_what_was_read_when_the_run_ended_is_not_read_again(running: Rig) -> None:
    rig = running
    assert rig.worker is not None
    names = {"run_0001.nxs": b"m", "run_0001_eiger.h5": b"\0" * LARGE, "run_0001_lambda.h5": b"before"}
    session = with_runs(rig, {1: names})
    eventually(lambda: set(known(rig, session)) == set(names), f"the run's files are read\n{rig.log()}")
    assert known(rig, session)["run_0001_eiger.h5"] == hashlib.sha256(b"\0" * LARGE).hexdigest()
    (rig.folder_of(session.id) / "run_0001_lambda.h5").write_bytes(b"changed since")
    before = bytes_read(rig.worker.pid)
    rig.call("session_complete")
    datasets = archived(rig, session)["datasets"]
    assert bytes_read(rig.worker.pid) - before < LARGE / 2
    files = listed(rig, datasets[1]["pid"])
    assert files["run_0001_eiger.h5"]["chk"] == hashlib.sha256(b"\0" * LARGE).hexdigest()
    assert files["run_0001_lambda.h5"]["chk"] == hashlib.sha256(b"changed since").hexdigest()
    eventually(lambda: not known(rig, session), "what is archived needs no checksums any more")


def test_a_file_that_changes_after_its_checksum_was_taken_parks_the_ingest(running: Rig) -> None:
    rig = running
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, DATASETS, seconds=3))
    session = with_runs(rig, {1: {"run_0001.nxs": b"master"}})
    rig.call("session_complete")
    eventually(lambda: not rig.catalogue.faults.pending(), "the first dataset is on its way")
    path = rig.folder_of(session.id) / "run_0001.nxs"
    path.write_bytes(b"another")

    def parked() -> str:
        ingest = rig.store.ingest(session.id)
        return ingest.detail if ingest is not None and ingest.state is IngestState.PARKED else ""

    sentence = eventually(parked, f"session {session.id} is parked; {rig.store.ingest(session.id)}")
    assert "run_0001.nxs was changed" in sentence
    ingest = rig.call("ingest_show", session=session.id)
    assert ingest["step"] == "block 1 of 1, dataset 2 of 2"
    assert [item["state"] for item in ingest["datasets"]] == ["stored", "sending"]
    facts = path.stat()
    path.write_bytes(b"master")
    assert path.stat().st_mtime_ns != facts.st_mtime_ns


@pytest.mark.crash
def test_killed_between_blocks_it_goes_on_with_the_block_it_died_in(running: Rig) -> None:
    rig = running
    data = {f"run_0001_{number}.h5": bytes([number]) * 700_000 for number in range(4)}
    session = with_runs(rig, {1: {"run_0001.nxs": b"master"} | data})
    counts = {what: rig.catalogue.requests.count(what) for what in (BLOCKS, DATASETS)}
    # The first block is that of the session's own files; the third is the run's second.
    rig.catalogue.faults.add(Fault(FaultKind.DELAY, BLOCKS, nth=3, seconds=2))
    rig.call("session_complete")
    eventually(lambda: not rig.catalogue.faults.pending(), "the third block is on its way")
    rig.kill_worker()
    pid = rig.call("ingest_show", session=session.id)["datasets"][1]["pid"]
    eventually(lambda: len(listed(rig, pid)) == 3, "the third block is stored, and nobody was told")
    rig.start_worker()
    datasets = archived(rig, session)["datasets"]
    assert set(listed(rig, datasets[1]["pid"])) == {"run_0001.nxs", *data}
    assert rig.catalogue.requests.count(DATASETS) - counts[DATASETS] == 2
    assert rig.catalogue.requests.count(BLOCKS) - counts[BLOCKS] == 5


def test_twenty_thousand_files_are_in_the_catalogue(running: Rig) -> None:
    rig = running
    session = rig.open_session({})
    folder = rig.folder_of(session.id) / "frames"
    for part in range(20):
        (folder / f"{part:02d}").mkdir(parents=True)
        for number in range(1000):
            descriptor = os.open(folder / f"{part:02d}" / f"{number:04d}.cbf", os.O_CREAT | os.O_WRONLY)
            os.close(descriptor)
    (folder / "last.cbf").write_bytes(b"last")
    rig.call("session_complete")
    (dataset,) = archived(rig, session)["datasets"]
    files = listed(rig, dataset["pid"])
    assert sum(path.startswith("frames/") for path in files) == 20_001
    assert set(files) == set(on_disk(rig.folder_of(session.id)))
    assert dataset["files"] == len(files)
    blocks = [block for block in rig.catalogue.state.blocks.values() if block["datasetId"] == dataset["pid"]]
    assert [len(block["dataFileList"]) for block in blocks] == [5000] * 4 + [len(files) - 20_000]


def test_it_is_shown_how_much_is_read_and_the_worker_stops_at_once_meanwhile(running: Rig) -> None:
    rig = running
    assert rig.worker is not None
    session = rig.open_session({})
    folder = rig.folder_of(session.id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "huge.h5").open("wb") as stream:
        stream.truncate(30_000_000_000)  # Nothing but a hole, which takes as long to read as any other data.
    rig.call("session_complete")
    eventually(
        lambda: "of 30.0 GB" in rig.call("ingest_show", session=session.id)["detail"], "it is shown what is read"
    )
    rig.worker.send_signal(signal.SIGTERM)
    assert rig.worker.wait(20) == 0
    (folder / "huge.h5").unlink()
    ingest = rig.store.ingest(session.id)
    assert ingest is not None
    assert ingest.step == "checksums"
