"""The parts of one beamline in their order: start, watch, restart, stop."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

import tango

from beamsession.config import Beamline
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.recorder_table import RecorderTable
from beamsession.servers.up.channel_access import channel_access
from beamsession.servers.up.part import Part
from beamsession.servers.up.ready import write_ready
from beamsession.servers.up.simulation import Simulation
from beamsession.servers.up.tango_database import entries, register, start_database

_READY_S = 60.0
_WATCH_S = 0.25
_RESTART_S = 0.25
_LONGEST_RESTART_S = 15.0
_STABLE_S = 5.0
_LOOPBACK = ["-ORBendPoint", "giop:tcp:127.0.0.1:0"]
_WORKING = (tango.DevState.ON, tango.DevState.STANDBY, tango.DevState.RUNNING, tango.DevState.ALARM)


class BeamlineUp:
    """Everything of one beamline; `start`, then `watch` until told to end, then `stop`."""

    def __init__(
        self, beamline: Beamline, config: Path, state: Path, ready_files: list[Path], simulation: Simulation | None
    ) -> None:
        self._beamline = beamline
        self._config = config
        self._state = state
        self._ready_files = ready_files
        self._simulation = simulation
        self._parts: list[Part] = [simulation.part] if simulation else []
        self._tango_host = beamline.tango.host or ""
        self._quick_ends: dict[str, int] = {}
        self._recorders = recorders_here(beamline)
        self._channel_access = channel_access(beamline, is_simulated=simulation is not None)

    def start(self) -> dict[str, Any]:
        """Start all parts and return the ready file's content once everything answers.

        Raises UnavailableError naming the part that does not start; what was started is stopped by `stop`.
        """
        self._make_worker_token()
        if not self._tango_host:
            part, self._tango_host = start_database(self._state / "tango", self._logs)
            self._parts.append(part)
        host, _, port = self._tango_host.partition(":")
        register(tango.Database(host, int(port)), entries(self._beamline, self._config))
        names = self._beamline.tango
        recorders = {
            table.device: self._server(table.role, "recorder", [table.server, *_LOOPBACK]) for table in self._recorders
        }
        manager = self._server("session_manager", "manager", [names.instance, *_LOOPBACK])
        worker = self._server("worker", "worker", ["--config", str(self._config)])
        bridge = self._bridge() if self._channel_access else None
        for device, recorder in recorders.items():
            self._await_device(recorder, device)
        self._await_device(manager, names.manager)
        self._await_marker(worker)
        if bridge:
            self._await_marker(bridge)
        ready = self._ready()
        self._announce(ready)
        return ready

    def watch(self) -> None:
        """Restart servers that end by themselves, and keep the ready file true; returns only by an exception."""
        announced = self._pids()
        while True:
            time.sleep(_WATCH_S)
            for part in self._parts:
                if not part.alive:
                    self._restart_when_due(part)
            pids = self._pids()
            if pids != announced:
                announced = pids
                self._announce(self._ready())

    def stop(self) -> None:
        """Stop in the order in which nothing is missed: those who ask before those who answer."""
        order = {"bridge": 0, "worker": 0, "session_manager": 1, "tango_database": 3, "simulation": 4}
        for part in sorted(self._parts, key=lambda part: order.get(part.role, 2)):  # recorders in the middle
            part.stop()
        for file in self._ready_files:
            file.unlink(missing_ok=True)

    @property
    def _logs(self) -> Path:
        return self._state / "logs"

    def _server(self, role: str, module: str, arguments: list[str]) -> Part:
        environment = {
            "TANGO_HOST": self._tango_host,
            "BEAMSESSION_CONFIG": str(self._config),
            "BEAMSESSION_STATE": str(self._state),
            **self._epics(),
        }
        command = [sys.executable, "-m", f"beamsession.servers.{module}", *arguments]
        part = Part(role, command, environment, self._logs)
        part.start()
        self._parts.append(part)
        return part

    def _bridge(self) -> Part:
        assert self._channel_access is not None
        return self._server(
            "bridge", "bridge", ["--config", str(self._config), "--port", str(self._channel_access.port)]
        )

    def _epics(self) -> dict[str, str]:
        simulated = self._simulation.environment if self._simulation else {}
        return {**simulated, **self._beamline.environment}

    def _make_worker_token(self) -> None:
        file = self._beamline.worker_token_file
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(32), encoding="utf-8")

    def _await_device(self, part: Part, device: str) -> None:
        until = time.monotonic() + _READY_S
        state, status = None, "it does not answer"
        while part.alive and time.monotonic() < until:
            with contextlib.suppress(tango.DevFailed):
                proxy = self._proxy(device)
                state, status = proxy.state(), proxy.status()
                if state in _WORKING:
                    return
                if state is tango.DevState.FAULT:
                    break
            time.sleep(0.05)
        reason = status if part.alive else part.last_words()
        raise UnavailableError(f"{part.role} does not start: {reason}", code="NOT_STARTED", remedy=f"See {part.log}.")

    def _await_marker(self, part: Part) -> None:
        """Wait until a program that is no Tango server has written its process id: it is at work then."""
        until = time.monotonic() + _READY_S
        marker = self._state / f"{part.role}.ready"
        while part.alive and time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError):
                if int(marker.read_text(encoding="utf-8")) == part.pid:
                    return
            time.sleep(0.05)
        raise UnavailableError(
            f"{part.role} does not start: {part.last_words()}", code="NOT_STARTED", remedy=f"See {part.log}."
        )

    def _restart_when_due(self, part: Part) -> None:
        now, due = time.monotonic(), part.restart_at
        if due is None:
            quick = 0 if now - part.started_at > _STABLE_S else self._quick_ends.get(part.role, 0) + 1
            self._quick_ends[part.role] = quick
            due = part.restart_at = now + min(_RESTART_S * 2**quick, _LONGEST_RESTART_S)
        if now < due:
            return
        print(f"{part.role} ended by itself and is started again (its log: {part.log}).", file=sys.stderr, flush=True)
        part.start()

    def _proxy(self, device: str) -> tango.DeviceProxy:
        proxy = tango.DeviceProxy(f"tango://{self._tango_host}/{device}")
        proxy.set_timeout_millis(3000)
        return proxy

    def _pids(self) -> dict[str, int]:
        own = {part.role: part.pid for part in self._parts}
        for table in self._recorders:
            with contextlib.suppress(tango.DevFailed, BeamsessionError, ValueError):
                attribute: Any = self._proxy(table.device).read_attribute("ProcessIds")
                children = json.loads(attribute.value)
                own.update({f"{table.role}.{role}": pid for role, pid in children.items() if pid != own[table.role]})
        return own

    def _ready(self) -> dict[str, Any]:
        catalogue = getattr(self._beamline.catalogue, "url", None)
        simulated = self._simulation.pids if self._simulation else {}
        return {
            "tango_host": self._tango_host,
            "session_managers": [self._beamline.tango.manager],
            "run_recorders": [table.device for table in self._beamline.all_recorders],
            "epics_prefix": self._channel_access.prefix if self._channel_access else None,
            "environment": self._channel_access.clients(self._epics()) if self._channel_access else self._epics(),
            "web_url": None,
            "catalogue_url": catalogue,
            "pids": {**{f"simulation.{role}": pid for role, pid in simulated.items()}, **self._pids()},
            "state_dir": str(self._state),
            "data_root": str(self._beamline.data.root),
            "config": str(self._config),
        }

    def _announce(self, ready: dict[str, Any]) -> None:
        for file in self._ready_files:
            write_ready(file, ready)


def recorders_here(beamline: Beamline) -> list[RecorderTable]:
    """The recorders that are started here: no other host is named for them, and no address outside the database."""
    here = {socket.gethostname(), socket.gethostname().partition(".")[0], socket.getfqdn()}
    further = [table for table in beamline.recorders if not table.url and (table.host is None or table.host in here)]
    return [beamline.all_recorders[0], *further]
