"""kill -9 of any process at random instants: nothing acknowledged is lost, and the truth is told."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import httpx
import pytest
import tango

from system_up import SMALL, VERDICTS, Client, Up, eventually, running_up

READINGS = "run_recorder.readings"
ROLES = (
    "session_manager",
    "run_recorder",
    "run_recorder.camera.receiver",
    "run_recorder.camera.writer",
    "run_recorder.monitor.receiver",
    "run_recorder.monitor.writer",
    READINGS,
    "worker",
)
SERVERS = ("session_manager", "run_recorder", "worker")
SURVIVED = ("session_manager", "worker", READINGS)  # the frames of a run without readings are still worth having
EXPECTED = {"session_manager": "COMPLETED", "worker": "COMPLETED", READINGS: "INCOMPLETE"}
AFTER_RESTART_S = 15.0
LONGEST_WAIT_S = 1.5


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("crash") / "state", "--simulate", *SMALL) as running:
        yield running


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that can be had again: the seed is printed with a failure."""
    seed = request.config.getoption("--crash-seed") or random.randrange(10**9)
    print(f"--crash-seed={seed}")
    return random.Random(int(seed))


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_a_kill_in_the_middle_of_a_run_loses_nothing_acknowledged(
    up: Up, dice: random.Random, request: pytest.FixtureRequest
) -> None:
    client = Client(up)
    session = client.Start({"name": "crash", "metadata": {"sample": "glass"}})
    folder = Path(client.read("Root"))
    comments: list[int] = []
    count = int(str(request.config.getoption("--crashes")))
    for index in range(count):
        role = ROLES[index % len(ROLES)]
        run = client.StartRun("")
        time.sleep(dice.uniform(0, LONGEST_WAIT_S))
        comments.append(client.ask("comment_add", text=f"before kill {index} of {role}"))
        acknowledged = client.read("WrittenFrames")
        early = client.read("RunState") == "PREPARING"  # then the kill may come before there is anything to keep
        killed = up.kill(role)
        if role in SERVERS:
            _await_restart(up, role, killed)
        if role in SURVIVED and _after_restart(client) == "RECORDING":
            client.StopRun()
        expected = {EXPECTED.get(role, "ABORTED")} | ({"FAILED", "ABORTED"} if early else set())
        assert client.await_verdict(AFTER_RESTART_S) in expected, client.read("Status")
        if not early:
            assert _frames(folder, run) >= acknowledged, f"{role}: run {run} lost frames"
        assert client.read("SessionId") == session
        assert client.ask("session_show")["metadata"] == {"sample": "glass"}
        _next_run_completes(client, folder)
        _await_restart(up, role, killed)
    logged = {
        event["seq"] for event in client.ask("event_list", session=session, limit=1000) if "comment" in event["kind"]
    }
    assert set(comments) <= logged
    assert client.ask("event_verify")["first_bad"] is None
    assert len(client.ask("run_list")) == 2 * count
    client.Complete()
    client.await_attribute("LastCompletedId", session)


@pytest.mark.crash
@pytest.mark.timeout(1800)
def test_a_kill_in_the_middle_of_an_ingest_makes_no_second_dataset(up: Up, dice: random.Random) -> None:
    client = Client(up)
    for index in range(4):
        session = client.Start(f"ingest {index}")
        client.StartRun({"frames": 3})
        assert client.await_verdict() == "COMPLETED"
        client.Complete()
        time.sleep(dice.uniform(0, LONGEST_WAIT_S))
        killed = up.kill("worker")
        _await_restart(up, "worker", killed)
        client.await_attribute("LastCompletedId", session)
        pid = eventually(lambda: client.read("DatasetPid"), "the dataset's pid")
        datasets, files = _in_catalogue(up, session)
        assert datasets == [pid]
        assert len(files) == len(set(files))


def _await_restart(up: Up, role: str, killed: int) -> None:
    eventually(lambda: up.ready["pids"].get(role, killed) != killed, f"{role} to be started again")


def _after_restart(client: Client) -> str:
    """The run's state once the manager has heard of its recorder."""

    def working() -> bool:
        try:
            return client.proxy.state() not in (tango.DevState.INIT, tango.DevState.FAULT)
        except tango.DevFailed:
            return False

    eventually(working, "the manager to work again", AFTER_RESTART_S)
    return client.await_attribute("RunState", "RECORDING", *VERDICTS, patience_s=AFTER_RESTART_S)


def _frames(folder: Path, run: int) -> int:
    """Frames in the run's data files, which all must open plainly."""
    total = 0
    with h5py.File(folder / f"run_{run:04d}.nxs") as master:
        assert master.attrs["default"]
    for path in folder.glob(f"run_{run:04d}_*.h5"):
        with h5py.File(path) as file:
            data: Any = file.get("entry/data/data")
            total += 0 if data is None else data.shape[0]
    return total


def _next_run_completes(client: Client, folder: Path) -> None:
    eventually(lambda: client.ask("run_check") == [], "nothing to stand against a run", AFTER_RESTART_S)
    run = client.StartRun({"frames": 5})
    assert client.await_verdict() == "COMPLETED", client.read("Status")
    assert _frames(folder, run) == 10


def _in_catalogue(up: Up, session: int) -> tuple[list[str], list[str]]:
    """The pids of the session's datasets and the paths of all their files."""
    url = up.ready["catalogue_url"]
    token = httpx.post(f"{url}/api/v3/auth/login", json={"username": "admin", "password": "admin"}).json()["id"]
    headers = {"Authorization": f"Bearer {token}"}
    where = f'{{"where": {{"scientificMetadata.session_id.value": {session}}}, "limits": {{"limit": 100}}}}'
    datasets = httpx.get(f"{url}/api/v4/datasets", params={"filter": where}, headers=headers).json()
    files: list[str] = []
    for dataset in datasets:
        blocks = httpx.get(
            f"{url}/api/v3/datasets/{dataset['pid'].replace('/', '%2F')}/origdatablocks", headers=headers
        )
        files += [file["path"] for block in blocks.json() for file in block["dataFileList"]]
    return [dataset["pid"] for dataset in datasets], files
