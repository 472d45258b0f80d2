"""StartRun with ten thousand readings connected: until it is acknowledged, and until the recorder records.

The same is measured for a beamline with none, in the same minute.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tango

from beamsim.loopback import Loopback, Server
from bench_readings import PREFIX, PVS, talking
from bench_start_run import GOAL_MS, await_state, wait_for_ready
from rows import row

ROUNDS = 7
_CONFIG = """
[instrument]
name = "bench"

[data]
root = "{folder}/data"
min_free_gib = 0
"""
_READING = """
[[readings]]
name = "pv_{place:05d}"
pv = "{prefix}{place:05d}"
"""


def rows() -> list[dict[str, Any]]:
    """Medians in milliseconds against the goal itself; the close is told without one."""
    loopback = Loopback.choose()
    environment = loopback.client_environment()
    with talking("counter_ioc.py", "100", env=loopback.server_environment(Server.SOFT_IOC)):
        many = _measured(PVS, environment)
    none = _measured(0, environment)
    return [
        row("start_run_10000_readings_ms", many[1], GOAL_MS, 1.0, unit="ms", higher_is_better=False),
        row("start_run_10000_readings_acknowledged_ms", many[0], none[0], None, unit="ms", higher_is_better=False),
        row("start_run_no_readings_ms", none[1], GOAL_MS, 1.0, unit="ms", higher_is_better=False),
        row("stop_run_10000_readings_ms", many[2], none[2], None, unit="ms", higher_is_better=False),
    ]


def _measured(readings: int, environment: dict[str, str]) -> tuple[float, float, float]:
    """Milliseconds to the acknowledgement, to RECORDING, and from StopRun to the verdict."""
    with _beamline(readings, environment) as ready:
        manager = tango.DeviceProxy(f"tango://{ready['tango_host']}/{ready['session_managers'][0]}")
        manager.set_timeout_millis(10_000)
        configuration: Any = manager.get_attribute_config("RunState")
        labels = list(configuration.enum_labels)
        manager.command_inout("Start", "bench")
        _settle(manager)
        rounds = [_one(manager, labels) for _ in range(ROUNDS)]
    acknowledged, recording, closed = zip(*rounds, strict=True)
    return statistics.median(acknowledged), statistics.median(recording), statistics.median(closed)


def _settle(manager: tango.DeviceProxy) -> None:
    """Wait until a run could be recorded: all PVs are connected and described."""
    until = time.monotonic() + 120
    while manager.command_inout("CheckRun", "{}") != "[]":
        if time.monotonic() > until:
            raise TimeoutError(manager.command_inout("CheckRun", "{}"))
        time.sleep(0.2)


def _one(manager: tango.DeviceProxy, labels: list[str]) -> tuple[float, float, float]:
    began = time.perf_counter()
    manager.command_inout("StartRun", "")
    acknowledged = time.perf_counter()
    await_state(manager, labels, {"RECORDING"})
    recording = time.perf_counter()
    manager.command_inout("StopRun")
    await_state(manager, labels, {"COMPLETED", "INCOMPLETE", "ABORTED"})
    closed = time.perf_counter()
    return (acknowledged - began) * 1e3, (recording - began) * 1e3, (closed - recording) * 1e3


@contextmanager
def _beamline(readings: int, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "data").mkdir()
        lines = [_CONFIG.format(folder=folder)]
        lines += [_READING.format(place=place, prefix=PREFIX) for place in range(readings)]
        lines += ["\n[environment]\n", *(f'{key} = "{value}"\n' for key, value in environment.items())]
        (folder / "beamline.toml").write_text("".join(lines), encoding="utf-8")
        ready = folder / "ready.json"
        command = [sys.executable, "-m", "beamsession.servers.up", "--config", str(folder / "beamline.toml")]
        options = ["--state", str(folder / "state"), "--ready-file", str(ready)]
        up = subprocess.Popen(
            [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment
        )
        try:
            yield wait_for_ready(ready)
        finally:
            up.terminate()
            up.wait()
