"""The main job over real protocols: a session with runs is recorded and lands in the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np
import tango

from system_up import Client, Up, caput, eventually


def test_a_session_with_runs_is_recorded_and_archived(up: Up, client: Client) -> None:
    session = client.Start({"name": "main", "proposal": "p12345", "metadata": {"sample": "CeO2"}})
    assert client.read("SessionState") == "STARTED"
    assert client.read("SessionId") == session
    number = client.StartRun({"frames": 20, "title": "twenty"})
    assert number == 1
    assert client.await_verdict() == "COMPLETED"
    assert client.read("WrittenFrames") == 40  # two detectors
    master = Path(client.read("RunFile"))
    with _opened(master) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        assert data[data.attrs["signal"]].shape == (20, 48, 64)
        assert "m1" in data.attrs["axes"]
    client.Complete()
    assert client.read("SessionId") == 0
    client.await_attribute("LastCompletedId", session)
    pid = eventually(lambda: client.read("DatasetPid"), "the dataset's pid")
    dataset = _dataset(up, pid)
    assert dataset["numberOfFiles"] >= 4
    assert json.loads(client.ShowSession(json.dumps({"session": session})))["state"] == "ARCHIVED"
    assert json.loads(client.VerifyEvents())["first_bad"] is None


def test_a_fly_scan_can_be_plotted_from_its_file_alone(up: Up, client: Client) -> None:
    client.Start("scan")
    caput(up, {"SIM:M1:VELO": 10.0, "SIM:M1": 0.0})
    caput(up, {"SIM:M1:VELO": 1.0})
    client.StartRun({"frames": 300, "detectors": ["camera"]})
    client.await_attribute("RunState", "RECORDING", "DRAINING", "COMPLETED")
    caput(up, {"SIM:M1": 5.0}, wait=False)
    assert client.await_verdict() == "COMPLETED"
    with _opened(client.read("RunFile")) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        positions = np.asarray(data["m1"])
        assert data["m1"].attrs["units"] == "mm"
    assert len(positions) == 300
    assert positions.max() > 1.0
    assert np.all(np.diff(positions) >= -0.2)


def test_a_dropped_frame_makes_the_run_incomplete_and_raises_the_alarm(up: Up, client: Client) -> None:
    client.Start("drops")
    caput(up, {"SIM:CAM1:DropEvery": 10})
    try:
        client.StartRun({"frames": 30, "detectors": ["monitor"]})
        assert client.await_verdict() == "INCOMPLETE"
    finally:
        caput(up, {"SIM:CAM1:DropEvery": 0})
    report = client.ask("run_show", run=1)["report"]["accounts"][0]
    assert report["missing"] == 3
    assert client.proxy.state() == tango.DevState.ALARM
    assert "INCOMPLETE" in client.read("Alarms")[0]
    client.AcknowledgeAlarm()
    assert client.proxy.state() == tango.DevState.ON


def test_complete_drains_an_open_run(up: Up, client: Client) -> None:
    session = client.Start("drain")
    client.StartRun({"detectors": ["camera"]})
    eventually(lambda: client.read("WrittenFrames") >= 10, "frames on disk")
    client.Complete()
    client.await_attribute("LastCompletedId", session)
    run = client.ask("run_show", session=session, run=1)
    account = run["report"]["accounts"][0]
    assert run["state"] == "COMPLETED"
    assert account["written"] == account["received"] >= 10


def test_pause_gates_the_frames_of_an_open_run(up: Up, client: Client) -> None:
    client.Start("pause")
    client.StartRun({"detectors": ["camera"]})
    eventually(lambda: client.read("WrittenFrames") >= 5, "frames on disk")
    client.Pause()
    assert client.read("RunState") == "PAUSED"
    recorder = tango.DeviceProxy(f"tango://{up.ready['tango_host']}/{up.ready['run_recorders'][0]}")
    eventually(lambda: json.loads(recorder.GetReport())["current"]["state"] == "PAUSED", "the recorder to pause")
    client.Resume()
    before = client.read("WrittenFrames")
    eventually(lambda: client.read("WrittenFrames") > before, "frames after the pause")
    client.StopRun()
    assert client.await_verdict() == "COMPLETED"
    assert len(client.ask("run_show", run=1)["report"]["pauses"]) == 1


def test_abort_keeps_what_is_written(up: Up, client: Client) -> None:
    client.Start("abort")
    client.StartRun({"detectors": ["camera"]})
    eventually(lambda: client.read("WrittenFrames") >= 5, "frames on disk")
    acknowledged = client.read("WrittenFrames")
    client.AbortRun()
    assert client.await_verdict() == "ABORTED"
    folder = Path(client.read("RunFile")).parent
    with _opened(folder / "run_0001_camera.h5") as file:
        assert file["entry/data/data"].shape[0] >= acknowledged


def test_start_completes_or_cancels_the_open_session(up: Up, client: Client) -> None:
    empty = client.Start("empty")
    used = client.Start("used")
    client.Comment("something was done here")
    client.Start("next")
    assert client.ask("session_show", session=empty)["state"] == "CANCELLED"
    assert client.ask("session_show", session=used)["state"] in ("COMPLETED", "ARCHIVED")
    assert used > empty


def test_the_data_folder_explains_itself(up: Up, client: Client) -> None:
    session = client.Start("explains")
    client.Comment("a word")
    folder = Path(client.read("Root"))
    client.Complete()
    record = eventually(lambda: _record(folder), "session.json to be final")
    assert record["session"]["id"] == session
    kinds = [json.loads(line)["kind"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert kinds[0] == "session_started"
    assert "comment_added" in kinds


@contextmanager
def _opened(path: Path | str) -> Iterator[Any]:
    """An HDF5 file, opened plainly."""
    with h5py.File(path) as file:
        yield file


def _record(folder: Path) -> dict[str, Any] | None:
    """The session's own record in its folder, once it says that the session is completed."""
    try:
        record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if record["session"]["state"] == "COMPLETED" else None


def _dataset(up: Up, pid: str) -> dict[str, int]:
    url = up.ready["catalogue_url"]
    token = httpx.post(f"{url}/api/v3/auth/login", json={"username": "ingestor", "password": "ingestor"}).json()["id"]
    quoted = pid.replace("/", "%2F")
    return httpx.get(f"{url}/api/v4/datasets/{quoted}", headers={"Authorization": f"Bearer {token}"}).json()
