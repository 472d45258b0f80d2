"""A real manager, recorder and bridge as processes, without a Tango database, beside the simulated beamline."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import tango

from beamsim.tether import tethered
from beamsim.waiting import wait_until

MANAGER = "test/session/manager"
RECORDER = "test/session/recorder"
PREFIX = "T:Session:"
_CONFIG = """
state_dir = "{folder}/state"
[instrument]
name = "test"
[data]
root = "{folder}/data"
min_free_gib = {min_free}
low_free_gib = {low_free}
[tango]
manager = "{manager}"
recorder_url = "{recorder_url}"
[tokens]
staff_file = "{folder}/staff.token"
[epics]
prefix = "T:"
write = {write}
"""
_DETECTOR = """
[[detectors]]
name = "monitor"
source = "ca"
pv = "{prefix}CAM1:ArrayData"
width_pv = "{prefix}CAM1:SizeX_RBV"
height_pv = "{prefix}CAM1:SizeY_RBV"
id_pv = "{prefix}CAM1:UniqueId_RBV"
dtype = "uint16"
dropped_pv = "{prefix}CAM1:DroppedArrays_RBV"
"""


def free_port() -> int:
    """A port that is free now for TCP and UDP, below those that the kernel gives to connections."""
    for number in range(20_000 + os.getpid() % 5000, 32_000):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", number))
                udp.bind(("127.0.0.1", number))
            except OSError:
                continue
            return number
    raise AssertionError("no port is free")


def tango_port() -> int:
    """A port that is free now, of those that the kernel gives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def trl(port: int, device: str) -> str:
    return f"tango://127.0.0.1:{port}/{device}#dbase=no"


@dataclass
class Process:
    """One process; `start` again is a restart."""

    command: list[str]
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@dataclass
class Rig:
    """Everything that stands between a Channel Access client and the files."""

    folder: Path
    simulated: str = ""
    write: str = '["*@localhost"]'
    min_free: float = 0.0
    low_free: float = 0.0
    manager_port: int = field(default_factory=tango_port)
    recorder_port: int = field(default_factory=tango_port)
    ca_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        (self.folder / "staff.token").write_text("the staff secret")
        self.config = self.folder / "beamline.toml"
        self.write_config()
        environment = {key: value for key, value in os.environ.items() if key != "TANGO_HOST"}
        environment["BEAMSESSION_CONFIG"] = str(self.config)

        def process(name: str, *arguments: str) -> Process:
            return Process(
                tethered(f"beamsession.servers.{name}", *arguments), self.folder / f"{name}.log", environment
            )

        self.recorder = process("recorder", *_served(RECORDER, self.recorder_port))
        self.manager = process("manager", *_served(MANAGER, self.manager_port))
        options = ["--manager", trl(self.manager_port, MANAGER), "--port", str(self.ca_port)]
        self.bridge = process("bridge", "--config", str(self.config), *options)

    def write_config(self) -> None:
        text = _CONFIG.format(
            folder=self.folder,
            manager=MANAGER,
            recorder_url=trl(self.recorder_port, RECORDER),
            write=self.write,
            min_free=self.min_free,
            low_free=self.low_free,
        )
        self.config.write_text(text + (_DETECTOR.format(prefix=self.simulated) if self.simulated else ""))

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find the bridge, and what it found before."""
        others = os.environ.get("EPICS_CA_ADDR_LIST", "")
        return {
            **os.environ,
            "EPICS_CA_ADDR_LIST": f"{others} 127.0.0.1:{self.ca_port}".strip(),
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "PYEPICS_LIBCA": os.environ.get("PYEPICS_LIBCA", ""),
        }

    def start(self) -> None:
        """Start all; return when the manager answers and the bridge listens."""
        for part in (self.recorder, self.manager, self.bridge):
            part.start()
        self.await_manager()
        self.await_bridge()

    def stop(self) -> None:
        for part in (self.bridge, self.manager, self.recorder):
            part.stop()

    def await_bridge(self) -> None:
        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.ca_port)) == 0

        wait_until("the bridge listens", listens)

    def await_manager(self) -> None:
        wait_until("the manager works", lambda: self.proxy().state() not in (tango.DevState.INIT, tango.DevState.FAULT))

    def proxy(self) -> tango.DeviceProxy:
        """A client of the manager, which answers."""

        def answers() -> tango.DeviceProxy | None:
            try:
                proxy = tango.DeviceProxy(trl(self.manager_port, MANAGER))
                proxy.set_timeout_millis(20_000)
                proxy.state()
            except tango.DevFailed:
                return None
            return proxy

        return wait_until("the manager answers", answers)


def _served(device: str, port: int) -> list[str]:
    return ["test", "-nodb", "-dlist", device, "-ORBendPoint", f"giop:tcp:127.0.0.1:{port}"]
