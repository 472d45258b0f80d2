"""The steps that bring a beamline up, and what it is started with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from beamsim.loopback import HOST, Loopback, Server, free_port
from beamsim.processes import ServerProcesses

START_TIMEOUT = 60.0
"""Seconds; a busy machine needs some for importing."""

_SOURCES = Path(__file__).parent.parent


class BeamlineNotReadyError(RuntimeError):
    """Not all of the beamline answered in time; says what did not."""


@dataclass(frozen=True, slots=True)
class BeamlineOptions:
    """What a beamline starts with."""

    prefix: str = "SIM:"
    size_x: int = 1024
    size_y: int = 1024
    largest: int = 2048 * 2048
    """Pixels that ArrayData of the Channel Access detector can hold; a larger size given above counts."""
    rate: float = 10.0
    """Frames a second of both detectors; 0 = as fast as they can."""
    tango_motor: bool = False
    """Start a motor that is a Tango device too."""
    catalogue: bool = True
    """Start the catalogue's stand-in too."""
    catalogue_profile: str | None = None
    """Which version of the catalogue it plays; None = its own default."""
    catalogue_state: Path | None = None
    """File in which the catalogue survives a restart; None = it is forgotten."""
    log_folder: Path | None = None
    """Where the servers' output is kept; None = nowhere."""

    @property
    def period(self) -> float:
        """Seconds from frame to frame."""
        return 1 / self.rate if self.rate > 0 else 0.0


def start_epics_servers(servers: ServerProcesses, options: BeamlineOptions, loopback: Loopback) -> None:
    """Start the two IOCs and the PVA detector, each on its ports."""
    frames = [f"--size-x={options.size_x}", f"--size-y={options.size_y}", f"--period={options.period}"]
    prefix = options.prefix
    arguments = {
        Server.CAPROTO_IOC: [f"--prefix={prefix}"],
        Server.SOFT_IOC: [f"--prefix={prefix}", f"--largest={options.largest}", *frames],
        Server.PVA_DETECTOR: [
            f"--prefix={prefix}PVA1:",
            f"--position-pv={prefix}M1:RBV",
            f"--energy-pv={prefix}BeamEnergy",
            *frames,
        ],
    }
    for server, its_arguments in arguments.items():
        environment = _environment(loopback.server_environment(server))
        servers.start(server, f"beamsim.{server}", its_arguments, environment)


def start_tango_motor(servers: ServerProcesses, options: BeamlineOptions, ready: Path) -> Path | None:
    """Start the Tango motor, if wanted and Tango is installed; returns its ready file."""
    if not options.tango_motor or find_spec("tango") is None:
        return None
    arguments = ["beamsim.tango_motor", f"--port={free_port()}", f"--ready-file={ready}"]
    servers.start("tango_motor", "beamsim.tether", arguments, _environment({}))
    return ready


def start_catalogue(servers: ServerProcesses, options: BeamlineOptions, ready: Path) -> Path | None:
    """Start the catalogue's stand-in, if wanted and installed; returns its ready file."""
    if not options.catalogue or find_spec("beamsim.scicat") is None:
        return None
    arguments = ["beamsim.scicat", "--port=0", f"--ready-file={ready}"]
    if options.catalogue_profile is not None:
        arguments.append(f"--profile={options.catalogue_profile}")
    if options.catalogue_state is not None:
        arguments.append(f"--state={options.catalogue_state}")
    servers.start("catalogue", "beamsim.tether", arguments, _environment({}))
    return ready


def _environment(additions: dict[str, str]) -> dict[str, str]:
    """This process's, with the sources findable also where they are not installed."""
    paths = [str(_SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | additions | {"PYTHONPATH": os.pathsep.join(paths)}


def await_repeater(servers: ServerProcesses, loopback: Loopback, until: float) -> None:
    """Wait for the server that is also the CA repeater: a client that comes before it starts another."""
    while True:
        try:
            with socket.create_connection((HOST, loopback.caproto_ca), timeout=1):
                return
        except OSError:
            _wait_a_little(servers, until, f"{Server.CAPROTO_IOC} did not begin to listen")


def await_pvs(servers: ServerProcesses, options: BeamlineOptions, loopback: Loopback, until: float) -> None:
    """Wait until every PV has answered a client; BeamlineNotReadyError names those that did not."""
    timeout = max(1.0, until - time.monotonic())
    probe = [sys.executable, "-m", "beamsim.probe", f"--prefix={options.prefix}", f"--timeout={timeout}"]
    environment = _environment(loopback.client_environment())
    with subprocess.Popen(probe, env=environment, stderr=subprocess.PIPE, text=True) as asking:
        try:
            while asking.poll() is None:
                _wait_a_little(servers, until + 10, "the PVs were not asked in time")
        finally:
            asking.kill()
        if asking.returncode:
            raise BeamlineNotReadyError(asking.stderr.read().strip() if asking.stderr else "no PV answers")


def await_catalogue(servers: ServerProcesses, ready: Path | None, until: float) -> str | None:
    """Wait for the catalogue's ready file; returns its URL."""
    return _told(servers, ready, until, "url", "the catalogue did not become ready")


def await_tango_motor(servers: ServerProcesses, ready: Path | None, until: float) -> str | None:
    """Wait for the Tango motor's ready file; returns its device."""
    return _told(servers, ready, until, "device", "the Tango motor did not become ready")


def _told(servers: ServerProcesses, ready: Path | None, until: float, key: str, problem: str) -> str | None:
    if ready is None:
        return None
    while not ready.exists():
        _wait_a_little(servers, until, problem)
    return json.loads(ready.read_text(encoding="utf-8"))[key]


def _wait_a_little(servers: ServerProcesses, until: float, problem: str) -> None:
    servers.check()
    if time.monotonic() > until:
        raise BeamlineNotReadyError(f"{problem}; give the machine more time, or see the servers' logs")
    time.sleep(0.05)
