"""A run over two recorders, as a beamline starts them, and kill -9 of either: the other's frames are all there."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
import tango

from beamsim.session_config import write_session_config
from system_up import SMALL, Client, Up, eventually, running_up

EAST = "sim01/recorder/east"
ROLES = ("session_manager", "run_recorder", "run_recorder_east", "run_recorder_east.monitor.writer")
LONGEST_WAIT_S = 1.5


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("two")
    config, state = folder / "beamline.toml", folder / "state"
    write_session_config(config, prefix="SIM:", data_root=folder / "data", state=state, catalogue_url=None)
    text = config.read_text().replace('name = "monitor"', 'name = "monitor"\nrecorder = "east"\nframes_factor = 2')
    config.write_text(f'{text}\n[[recorders]]\nname = "east"\ndevice = "{EAST}"\n')
    with running_up(state, "--simulate", "--simulator=--no-catalogue", "--config", str(config), *SMALL) as running:
        yield running


@pytest.fixture(scope="module")
def client(up: Up) -> Client:
    client = Client(up)
    client.Start("two recorders")
    return client


def test_two_recorders_record_one_run(up: Up, client: Client) -> None:
    assert up.ready["run_recorders"] == ["sim01/session/recorder", EAST]
    assert {"run_recorder.camera.writer", "run_recorder_east.monitor.writer"} <= up.ready["pids"].keys()
    client.StartRun({"frames": 10})
    client.await_attribute("RunState", "RECORDING", "DRAINING", "COMPLETED")
    assert client.read("ExpectedFrames") == 30
    assert client.await_verdict() == "COMPLETED", client.read("Status")
    master = Path(client.read("RunFile"))
    assert _linked(master) == {"camera": 10, "monitor": 20}
    with h5py.File(master) as file:
        axes: Any = file["entry/monitor"].attrs["axes"]
        assert "m1" in axes  # readings of the one are matched to frames of the other
    recorder = tango.DeviceProxy(f"tango://{up.ready['tango_host']}/{EAST}")
    assert (recorder.WrittenFrames, recorder.ExpectedFrames) == (20, 20)


@pytest.mark.parametrize(("victim", "survivor"), [("run_recorder", "monitor"), ("run_recorder_east", "camera")])
def test_a_killed_recorder_does_not_lose_the_others_frames(up: Up, client: Client, victim: str, survivor: str) -> None:
    number = client.StartRun("")
    eventually(lambda: client.read("WrittenFrames") > 10, "frames to be written")
    acknowledged = client.read("WrittenFrames")
    killed = up.kill(victim)
    assert client.await_verdict() == "ABORTED"
    report = client.ask("run_show", run=number)["report"]
    accounts = {item["detector"]: item for item in report["accounts"]}
    assert accounts[survivor]["received"] == accounts[survivor]["written"] > 0
    assert sum(item["written"] for item in accounts.values()) >= acknowledged
    assert _linked(Path(report["master"])) == {name: item["written"] for name, item in accounts.items()}
    assert "was killed during the run" in client.read("Status")
    _await_restart(up, victim, killed)
    _next_run_completes(client)


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_kills_at_random_instants_leave_no_run_without_a_verdict(
    up: Up, client: Client, request: pytest.FixtureRequest
) -> None:
    seed = int(request.config.getoption("--crash-seed") or random.randrange(10**9))
    print(f"--crash-seed={seed}")
    dice = random.Random(seed)
    for index in range(int(str(request.config.getoption("--crashes"))) // 4):
        role = ROLES[index % len(ROLES)]
        number = client.StartRun(dice.choice(["", {"frames": 20}]))
        time.sleep(dice.uniform(0, LONGEST_WAIT_S))
        written = client.read("WrittenFrames")
        killed = up.kill(role)
        _await_restart(up, role, killed)
        if role == "session_manager":
            eventually(lambda: _stopped(client), "the run to be stopped")
        client.await_verdict()
        run = client.ask("run_show", run=number)
        files = Path(client.read("Root")).glob(f"run_{number:04d}_*.h5")
        assert sum(_frames(file) for file in files) >= written, f"{role}: run {number} lost frames"
        assert run["report"]["accounts"] or run["state"] == "FAILED"
        _next_run_completes(client)


def _next_run_completes(client: Client) -> None:
    eventually(lambda: _is_recordable(client), "nothing to stand against a run")
    client.StartRun({"frames": 3})
    assert client.await_verdict() == "COMPLETED", client.read("Status")
    assert _linked(Path(client.read("RunFile"))) == {"camera": 3, "monitor": 6}


def _is_recordable(client: Client) -> bool:
    try:
        return client.ask("run_check") == []
    except tango.DevFailed:
        return False


def _stopped(client: Client) -> bool:
    """Whether the run is ending, or has ended; a manager that is just being started is waited for."""
    try:
        if client.read("RunState") in ("PREPARING", "RECORDING"):
            client.StopRun()
    except tango.DevFailed:
        return False
    return True


def _await_restart(up: Up, role: str, killed: int) -> None:
    eventually(lambda: up.ready["pids"].get(role, killed) != killed, f"{role} to be started again")


def _linked(master: Path) -> dict[str, int]:
    """Frames that the master leads to, by detector."""
    with h5py.File(master) as file:
        found: dict[str, Any] = {name: file[f"entry/{name}/data"] for name in ("camera", "monitor")}
        return {name: len(data) for name, data in found.items()}


def _frames(path: Path) -> int:
    with h5py.File(path) as file:
        data: Any = file.get("entry/data/data")
        return 0 if data is None else len(data)
