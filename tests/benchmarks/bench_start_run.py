"""From StartRun to a recorder that records: the whole beamline with the simulated detectors, seen by a Tango client."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tango

ROUNDS = 15
GOAL_MS = 200.0
_START_S = 120.0


def rows() -> list[dict[str, Any]]:
    """One row: the median in milliseconds, against the goal itself."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "beamsession.servers.up", "--simulate", "--state", str(state)]
        options = ["--ready-file", str(ready), "--simulator=--size-x=256", "--simulator=--size-y=256"]
        with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as up:
            try:
                times = _measure(wait_for_ready(ready))
            finally:
                up.terminate()
    value = statistics.median(times)
    return [
        {
            "name": "start_run_ms",
            "value": round(value, 2),
            "unit": "ms",
            "reference": GOAL_MS,
            "ratio": round(value / GOAL_MS, 3),
            "goal": 1.0,
            "higher_is_better": False,
            "cpu_s": None,
            "peak_mib": None,
        }
    ]


def wait_for_ready(path: Path) -> dict[str, Any]:
    until = time.monotonic() + _START_S
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError("the beamline of the benchmark does not start")
        time.sleep(0.05)
    return json.loads(path.read_text(encoding="utf-8"))


def _measure(ready: dict[str, Any]) -> list[float]:
    manager = tango.DeviceProxy(f"tango://{ready['tango_host']}/{ready['session_managers'][0]}")
    configuration: Any = manager.get_attribute_config("RunState")
    labels = list(configuration.enum_labels)
    manager.command_inout("Start", "bench")
    return [_one(manager, labels) for _ in range(ROUNDS)]


def _one(manager: tango.DeviceProxy, labels: list[str]) -> float:
    """Milliseconds from the command's beginning to RECORDING; the run is then stopped."""
    began = time.perf_counter()
    manager.command_inout("StartRun", "")
    await_state(manager, labels, {"RECORDING"})
    taken = (time.perf_counter() - began) * 1e3
    manager.command_inout("StopRun")
    await_state(manager, labels, {"COMPLETED", "INCOMPLETE", "ABORTED"})
    return taken


def await_state(manager: tango.DeviceProxy, labels: list[str], wanted: set[str]) -> None:
    until = time.monotonic() + 60
    while True:
        attribute: Any = manager.read_attribute("RunState")
        if labels[attribute.value] in wanted:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"the run does not become {wanted}")
        time.sleep(0.002)
