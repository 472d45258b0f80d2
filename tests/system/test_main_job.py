"""The main job over real protocols: a session with runs is recorded and lands in the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import httpx
import numpy as np
import tango
from system_up import Client, Up, eventually


def test_a_session_with_runs_is_recorded_and_archived(up: Up, client: Client) -> None:
    session = client.Start({"name": "main", "proposal": "p12345", "metadata": {"sample": "CeO2"}})
    assert client.read("SessionState") == "STARTED"
    assert client.read("SessionId") == session
    number = client.StartRun({"frames": 20, "title": "twenty"})
    assert number == 1
    assert client.await_verdict() == "COMPLETED"
    assert client.read("WrittenFrames") == 40  # two detectors
    master = Path(client.read("RunFile"))
    with h5py.File(master) as file:
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
    import epics

    client.Start("scan")
    motor, speed = (epics.PV(f"SIM:M1{suffix}") for suffix in ("", ":VELO"))
    assert motor.wait_for_connection(20)
    speed.put(10.0, wait=True)
    motor.put(0.0, wait=True, timeout=60)
    speed.put(2.5, wait=True)
    client.StartRun({"frames": 100, "detectors": ["camera"]})
    client.await_attribute("RunState", "RECORDING", "DRAINING", "COMPLETED")
    motor.put(5.0)
    assert client.await_verdict() == "COMPLETED"
    with h5py.File(client.read("RunFile")) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        positions = np.asarray(data["m1"])
        assert data["m1"].attrs["units"] == "mm"
    assert len(positions) == 100
    assert positions.max() > 2.0
    assert np.all(np.diff(positions) >= -0.2)


def test_a_dropped_frame_makes_the_run_incomplete_and_raises_the_alarm(up: Up, client: Client) -> None:
    import epics

    client.Start("drops")
    drop = epics.PV("SIM:CAM1:DropEvery")
    assert drop.wait_for_connection(20)
    drop.put(10, wait=True)
    try:
        client.StartRun({"frames": 30, "detectors": ["monitor"]})
        assert client.await_verdict() == "INCOMPLETE"
    finally:
        drop.put(0, wait=True)
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
    with h5py.File(folder / "run_0001_camera.h5") as file:
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
    record = eventually(lambda: _record(folder, "COMPLETED", "ARCHIVED"), "session.json to be final")
    assert record["id"] == session
    kinds = [json.loads(line)["kind"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert kinds[0] == "session_started"
    assert "comment_added" in kinds


def _record(folder: Path, *states: str) -> dict[str, object] | None:
    try:
        record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if record["state"] in states else None


def _dataset(up: Up, pid: str) -> dict[str, int]:
    url = up.ready["catalogue_url"]
    token = httpx.post(f"{url}/api/v3/auth/login", json={"username": "ingestor", "password": "ingestor"}).json()["id"]
    quoted = pid.replace("/", "%2F")
    return httpx.get(f"{url}/api/v4/datasets/{quoted}", headers={"Authorization": f"Bearer {token}"}).json()
