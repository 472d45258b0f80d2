"""Manager and recorder as a user starts them, on a detector inside the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tango

from beamsession.faces.tango.recorder_client import TangoRecorder
from frame_server import FrameServer, wait_until

_CONFIG = """
[instrument]
name = "managed"

[data]
root = "{folder}/data"
min_free_gib = 0
low_free_gib = 0
min_minutes = 0
low_minutes = 0

[[detectors]]
name = "eiger"
source = "pva"
pv = "DET:Image"
produced_pv = "DET:Made"
exposure_pv = "DET:Exposure"
ring_mib = 16
stall_s = 2.0

[environment]
"""
_ENUMS = ("SessionState", "RunState", "AlarmSeverity")


class ManagedFrames:
    """`beamsession up` with one detector, DET:Image of `server`."""

    def __init__(self, folder: Path, server: FrameServer) -> None:
        self.server = server
        (folder / "data").mkdir()
        config = folder / "beamline.toml"
        environment = [f'{name} = "{value}"' for name, value in server.client_environment().items()]
        config.write_text(_CONFIG.format(folder=folder) + "\n".join(environment))
        self._log = folder / "up.log"
        self._ready_file = folder / "ready-for-tests.json"
        command = [sys.executable, "-m", "beamsession.servers.up", "--config", str(config)]
        command += ["--state", str(folder / "state"), "--ready-file", str(self._ready_file)]
        clean = {name: value for name, value in os.environ.items() if name != "TANGO_HOST"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=clean, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Wait until all of it answers, and the detector does."""

        def ready() -> bool:
            assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
            return self._ready_file.exists()

        wait_until("the beamline is up", ready)
        facts = json.loads(self._ready_file.read_text())
        where = f"tango://{facts['tango_host']}/"
        self.proxy = tango.DeviceProxy(where + facts["session_managers"][0])
        self.recorder = TangoRecorder(where + facts["run_recorders"][0])
        self.ask("session_start", name="guards")
        wait_until("the detector answers", lambda: not self.ask("run_check"))

    def stop(self) -> None:
        """Ctrl-C."""
        self._process.terminate()
        self._process.wait(60)

    def read(self, name: str) -> Any:
        """An attribute's value; enums by their label."""
        attribute: Any = self.proxy.read_attribute(name)
        if name not in _ENUMS:
            return list(attribute.value or ()) if name == "Alarms" else attribute.value
        configuration: Any = self.proxy.get_attribute_config(name)
        return configuration.enum_labels[attribute.value]

    def quality(self, name: str) -> tango.AttrQuality:
        """An attribute's quality."""
        attribute: Any = self.proxy.read_attribute(name)
        return attribute.quality

    def ask(self, verb: str, **arguments: Any) -> Any:
        """A verb through `Call`."""
        return json.loads(self.proxy.command_inout("Call", json.dumps({"verb": verb, "args": arguments})))

    def start_run(self, **arguments: Any) -> int:
        """A run that records."""
        number = self.ask("run_start", **arguments)
        self.await_value("RunState", "RECORDING")
        return number

    def end_run(self, number: int) -> dict[str, Any]:
        """Stop the run; what the store has of it once it has its verdict."""
        if self.read("RunState") in ("RECORDING", "PAUSED"):
            self.ask("run_stop")
        wait_until("the verdict", lambda: self.read("RunState") in ("COMPLETED", "INCOMPLETE", "ABORTED", "FAILED"))
        return self.ask("run_show", run=number)

    def await_value(self, name: str, *wanted: Any) -> None:
        """Wait until an attribute has one of these values."""
        wait_until(f"{name} to become {wanted}", lambda: self.read(name) in wanted)

    def await_alarm(self, words: str, *, gone: bool = False) -> str:
        """Wait until a sentence of Alarms has these words, or none has; the sentence."""

        def found() -> str:
            return next((sentence for sentence in self.read("Alarms") if words in sentence), "")

        what: Callable[[], Any] = (lambda: not found()) if gone else found
        wait_until(f"an alarm with '{words}' {'to go' if gone else 'to come'}", what)
        return found()
