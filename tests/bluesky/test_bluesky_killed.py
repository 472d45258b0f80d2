"""kill -9 of the RunEngine's process: the run it recorded does not go on for ever, and nothing is called complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from bluesky_rig import Rig
from system_up import eventually

PROGRAM = """
import sys
from bluesky import RunEngine, plan_stubs as bps
from ophyd_async.core import init_devices
from beamsession.faces.bluesky import SessionManagerDevice, open_session, record_run

def inner():
    print("recording", flush=True)
    while True:
        yield from bps.checkpoint()
        yield from bps.sleep(0.1)

def plan():
    yield from open_session(session, "killed")
    yield from record_run(session, inner(), detectors=["camera"])

RE = RunEngine({}, context_managers=[])
with init_devices():
    session = SessionManagerDevice(sys.argv[1])
RE(plan())
"""


@pytest.mark.crash
def test_the_run_of_a_killed_plan_is_aborted(rig: Rig, tmp_path: Path) -> None:
    program = tmp_path / "plan.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, str(program), rig.client.address], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"recording\n"
        eventually(lambda: rig.client.read("WrittenFrames") >= 5, "frames on disk")
        acknowledged = rig.client.read("WrittenFrames")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    rig.client.await_attribute("RunState", "ABORTED")
    run = rig.show(1)
    with h5py.File(run["file"]) as master:
        frames = master["entry/camera/data"]
        assert isinstance(frames, h5py.Dataset)
        assert len(frames) == run["report"]["accounts"][0]["written"] >= acknowledged
    rig.await_comment("the program that recorded it is gone")
    assert rig.client.read("SessionState") == "STARTED"
