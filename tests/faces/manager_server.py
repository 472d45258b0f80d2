"""A SessionManager server as a process, without a Tango database, and a recorder without detectors beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tango

from beamsim.tether import tethered
from beamsim.waiting import wait_until

DEVICE = "test/session/manager"
RECORDER = "test/session/recorder"


def trl(port: int, device: str = DEVICE) -> str:
    return f"tango://127.0.0.1:{port}/{device}#dbase=no"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(folder: Path, name: str = "test", recorder_port: int = 1) -> Path:
    """The TOML file of an instrument without detectors, everything below `folder`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "staff.token").write_text("the staff secret")
    file = folder / "beamline.toml"
    file.write_text(
        f"""
state_dir = "{folder}/state"
[instrument]
name = "{name}"
[data]
root = "{folder}/data"
min_free_gib = 0
low_free_gib = 0
[tango]
manager = "{DEVICE}"
recorder_url = "{trl(recorder_port, RECORDER)}"
[tokens]
staff_file = "{folder}/staff.token"
"""
    )
    return file


@dataclass
class Server:
    """One server process; `start` again is a restart on the same port."""

    module: str
    folder: Path
    options: list[str]
    config: Path | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, and return at once."""
        environment = {key: value for key, value in os.environ.items() if key != "TANGO_HOST"}
        if self.config is not None:
            environment["BEAMSESSION_CONFIG"] = str(self.config)
        endpoint = ["-ORBendPoint", f"giop:tcp:127.0.0.1:{self.port}"]
        command = tethered(f"beamsession.servers.{self.module}", "test", *self.options, *endpoint)
        with (self.folder / f"{self.module}.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def proxy(self, device: str = DEVICE, *, has_recorder: bool = True) -> tango.DeviceProxy:
        """A client of a device that answers.

        A manager without a recorder works long before it leaves INIT: it gives the recorder time to come.
        """

        def answers() -> tango.DeviceProxy | None:
            try:
                proxy = tango.DeviceProxy(trl(self.port, device))
                proxy.set_timeout_millis(20_000)
                is_ready = proxy.state() is not tango.DevState.INIT or (not has_recorder and _is_at_work(proxy))
                return proxy if is_ready else None
            except tango.DevFailed:
                return None

        return wait_until(f"{device} answers", answers)


def _is_at_work(manager: tango.DeviceProxy) -> bool:
    return read(manager, "SessionId") >= 0


def manager(config: Path) -> Server:
    """The server of one SessionManager device, not yet started."""
    return Server("manager", config.parent, ["-nodb", "-dlist", DEVICE], config)


def recorder(config: Path, port: int) -> Server:
    """The server of its RunRecorder device, not yet started."""
    return Server("recorder", config.parent, ["-nodb", "-dlist", RECORDER], config, port)


def label(proxy: tango.DeviceProxy, name: str) -> str:
    """An enum attribute's value as its label."""
    configuration: Any = proxy.get_attribute_config(name)
    return configuration.enum_labels[read(proxy, name)]


def read(proxy: tango.DeviceProxy, name: str) -> Any:
    """An attribute's value."""
    attribute: Any = proxy.read_attribute(name)
    return attribute.value


def call(proxy: tango.DeviceProxy, verb: str, **more: Any) -> Any:
    """A verb through `Call`; what is neither `args` nor a part of a call is an argument."""
    parts = {key: more.pop(key) for key in ("principal", "face", "request_id", "token") if key in more}
    return json.loads(proxy.command_inout("Call", json.dumps({"verb": verb, "args": more, **parts})))


def refusal(failure: tango.DevFailed) -> tuple[str, str]:
    """Code and sentence of what was refused."""
    first: Any = failure.args[0]
    return first.reason, first.desc
