"""A RunRecorder server as a process, without a Tango database, on the simulated beamline."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from beamsession.config import load
from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.clock import utc_now
from beamsession.model.errors import UnavailableError
from beamsession.model.plan import RunKey, RunPlan, SessionFacts
from beamsession.model.report import RecorderReport, RunReport
from beamsession.model.states import RunState
from beamsim.running import Beamline
from beamsim.waiting import wait_until

DEVICE = "test/session/recorder"
_CONFIG = """
state_dir = "{folder}/state"

[instrument]
name = "test"

[data]
root = "{folder}/data"
min_free_gib = 0

[[detectors]]
name = "fast"
source = "pva"
pv = "{prefix}PVA1:Image"
ring_mib = 16

[[readings]]
name = "current"
pv = "{prefix}RingCurrent"
"""


@dataclass
class RecorderServer:
    """The server of one beamline; `start` again after a kill is a restart of the same device on the same port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def configured(cls, folder: Path, beamline: Beamline) -> RecorderServer:
        (folder / "data").mkdir()
        (folder / "beamline.toml").write_text(_CONFIG.format(folder=folder, prefix=beamline.prefix))
        return cls(folder, _free_port())

    @property
    def trl(self) -> str:
        return f"tango://127.0.0.1:{self.port}/{DEVICE}#dbase=no"

    @property
    def config_file(self) -> Path:
        return self.folder / "beamline.toml"

    def launch(self) -> TangoRecorder:
        """Start the process; a client of it, which may not answer yet."""
        options = ["-nodb", "-dlist", DEVICE, "-ORBendPoint", f"giop:tcp:127.0.0.1:{self.port}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "beamsession.servers.recorder", "test", *options],
                env=os.environ | {"BEAMSESSION_CONFIG": str(self.config_file)},
                stdout=log,
                stderr=log,
            )
        return TangoRecorder(self.trl)

    def start(self) -> TangoRecorder:
        """Start the process and wait until it can record."""
        client = self.launch()
        wait_until("the server is ready", lambda: (report := answer(client)) and not report.problems)
        return client

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.terminate()

    def plan(self, number: int = 1, **changes: Any) -> RunPlan:
        """A run of session 7."""
        instrument = load(self.config_file).instrument_value()
        values: dict[str, Any] = {
            "key": RunKey(instrument="test", session_id=7, run_number=number),
            "data_root": instrument.data_root,
            "folder": instrument.data_root / "000007_Lukasz",
            "session": SessionFacts(id=7, name="Łukasz 2θ", start=utc_now()),
            "instrument": instrument.facts,
            "title": "Łukasz 2θ",
            "detectors": instrument.detectors,
            "readings": instrument.readings,
        }
        return RunPlan(**(values | changes))


def answer(client: TangoRecorder) -> RecorderReport | None:
    """The report, None while the server cannot be reached."""
    try:
        return client.report()
    except UnavailableError:
        return None


def begin(client: TangoRecorder, plan: RunPlan) -> None:
    """Prepare the run and wait until it records."""
    client.prepare(plan)
    wait_until("the run records", lambda: (run := client.report().current) and run.state is RunState.RECORDING)


def written(client: TangoRecorder) -> int:
    """Frames the present run has safely written."""
    run = client.report().current
    return run.written if run else 0


def outcome(client: TangoRecorder, plan: RunPlan) -> RunReport:
    """The report of the run once it has ended."""

    def ended() -> RunReport | None:
        return next((run for run in client.report().finished if run.key == plan.key), None)

    return wait_until("the run has ended", ended)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is more than an entry in its parent's table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def value_in(path: Path, name: str) -> Any:
    """What a dataset holds, read plainly."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        assert isinstance(dataset, h5py.Dataset)
        return dataset[()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
