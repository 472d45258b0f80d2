"""An instrument's service in this process, with a real recorder engine that has no detectors."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from beamsession.config import Beamline, parse
from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.ports import RecorderPort
from beamsession.model.principal import Caller, Principal, Role
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.servers.manager.service import InstrumentService
from beamsim.waiting import wait_until

USER = Caller(Principal("ana"), "tango")
WORKER = Caller(Principal("worker", Role.WORKER), "worker")
PATIENCE_S = 60.0


def beamline(folder: Path, **tables: Any) -> Beamline:
    """A configuration with everything below `folder`."""
    (folder / "data").mkdir(exist_ok=True)
    data: dict[str, Any] = {
        "instrument": {"name": "beamline"},
        "data": {"root": str(folder / "data"), "min_free_gib": 0, "low_free_gib": 0},
        "state_dir": str(folder / "state"),
    }
    return parse(data | tables, folder / "beamline.toml")


def new_recorder(folder: Path) -> Recorder:
    """A recorder with its journal in `folder`, ready."""
    recorder = Recorder("rig", {}, partial(ReadingsRecorder, (), ()), folder)
    wait_until("the recorder is ready", lambda: not recorder.report().problems)
    return recorder


def silent_recorder() -> TangoRecorder:
    """The client of a recorder that does not answer: its port is closed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return TangoRecorder(f"tango://127.0.0.1:{port}/test/session/recorder#dbase=no")


@dataclass
class Rig:
    """Services one after the other over one folder; `start` again is a restart of the manager."""

    folder: Path
    recorder: Recorder
    services: list[InstrumentService] = field(default_factory=list[InstrumentService])

    def start(self, recorder: RecorderPort | None = None, **tables: Any) -> InstrumentService:
        """A working service; the one before is stopped."""
        self.stop()
        service = InstrumentService(beamline(self.folder, **tables), recorder or self.recorder)
        self.services.append(service)
        service.start()
        return service

    def stop(self) -> None:
        """Stop the present service."""
        while self.services:
            self.services.pop().stop()

    @property
    def service(self) -> InstrumentService:
        return self.services[-1]

    def ask(self, verb: str, caller: Caller = USER, **arguments: Any) -> Any:
        """The verb's answer."""
        return self.service.submit(verb, arguments, caller).result(timeout=PATIENCE_S)

    def await_run(self, *states: RunState) -> None:
        """Wait until the view shows the run in one of these states."""
        wait_until(f"the run is {states}", lambda: self.service.view.run_state in states)

    def recorded(self) -> RunReport | None:
        """What the recorder has at work."""
        return self.recorder.report().current

    def close(self) -> None:
        """Leave the recorder idle for the next test."""
        self.stop()
        if live := self.recorded():
            self.recorder.abort(live.key)
        wait_until("the recorder is idle", lambda: self.recorded() is None)
        for ended in self.recorder.report().finished:
            self.recorder.forget(ended.key)
