"""A script at a whole simulated beamline: a run is recorded while it pauses, resumes, completes and archives."""

from __future__ import annotations

import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_complete,
    session_create_zip,
    session_get_file_list,
    session_get_info,
    session_get_root,
    session_get_runs,
    session_get_state,
    session_get_stop,
    session_id,
    session_ids,
    session_ingest_scicat,
    session_pause,
    session_resume,
    session_start,
    use,
)
from system_up import SMALL, Client, Up, eventually, running_up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("beamline") / "state", "--simulate", *SMALL) as running:
        yield running


@pytest.fixture
def client(up: Up) -> Iterator[Client]:
    """The Tango client that starts runs; the script talks to the same manager."""
    client = Client(up)
    use(client.address)
    yield client
    use()


def test_a_run_is_recorded_while_the_script_pauses_resumes_and_completes(client: Client) -> None:
    number = session_start("script", {"sample": "CeO2"}, proposal="p12345")
    client.StartRun({"detectors": ["camera"]})
    eventually(lambda: client.read("WrittenFrames") >= 5, "frames on disk")
    live = session_get_runs()[0]

    assert session_pause()
    assert client.read("RunState") == "PAUSED"
    assert session_resume()
    before = client.read("WrittenFrames")
    eventually(lambda: client.read("WrittenFrames") > before, "frames after the pause")
    assert session_complete(timeout=90)

    assert session_id() == 0
    assert session_get_state(number) in ("completed", "archived")
    assert (live["state"], "stop" in live) == ("running", False)
    [run] = session_get_runs(number)
    assert (run["data"], run["state"]) == ("run_0001.nxs", "completed")
    assert live["start"] == run["start"] < run["stop"]
    assert {"session.json", "run_0001.nxs", "run_0001_camera.h5"} <= set(session_get_file_list(number))

    name, pid = session_ingest_scicat(number, timeout=90)
    assert session_get_info(number)["ingested"] == {"prod": pid}
    assert name

    target = Path(session_get_root(number)).parent / f"{number}.zip"
    session_create_zip(target, number, timeout=90)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert {"run_0001.nxs", "run_0001_camera.h5"} <= set(archive.namelist())


def test_a_session_counts_as_started_until_its_last_run_is_written(up: Up, client: Client) -> None:
    number = session_start("draining")
    client.StartRun({"detectors": ["camera"]})
    eventually(lambda: client.read("WrittenFrames") >= 5, "frames on disk")
    recorder = up.ready["pids"]["run_recorder"]
    os.kill(recorder, signal.SIGSTOP)
    try:
        with pytest.raises(BeamsessionError) as late:
            session_complete(timeout=0.5)
        assert late.value.code == "NOT_IN_TIME"
        assert (session_id(), session_get_state(number), session_get_stop(number)) == (0, "started", None)
        assert number in session_ids("started")
    finally:
        os.kill(recorder, signal.SIGCONT)
    eventually(lambda: session_get_state(number) in ("completed", "archived"), "the session is completed")
    assert session_get_runs(number)[0]["state"] == "completed"
