"""A state-changing command seen from a Tango client, and the start of its server, beside a server that does nothing."""

from __future__ import annotations

import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tango

ROUNDS = 300
STARTS = 5
COMMAND_GOAL = 3.0
START_GOAL = 2.0
_EMPTY = [sys.executable, str(Path(__file__).with_name("empty_server.py"))]
_MANAGER = [sys.executable, "-m", "beamsession.servers.manager"]
_RECORDER = [sys.executable, "-m", "beamsession.servers.recorder"]
_WORKING = (tango.DevState.ON, tango.DevState.STANDBY)


def rows() -> list[dict[str, Any]]:
    """The table's rows; medians in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_commands(Path(folder)), _start(Path(folder))]


def _commands(folder: Path) -> list[dict[str, Any]]:
    """Pause and Resume in turn: each is one durable transaction with its event, and pushes what changed."""
    with _beamline(folder) as manager, _server(_EMPTY, "bench/empty/1") as (empty, _):
        manager.command_inout("Start", "bench")
        turns = _in_turn(
            {
                "nothing": lambda: empty.command_inout("Nothing"),
                "change": _alternating(manager, "Pause", "Resume"),
                "commit": _commit(folder / "bare.sqlite"),
            }
        )
    nothing, change, commit = turns["nothing"], turns["change"], turns["commit"]
    ratio = (change - commit) / nothing
    return [
        _row("tango_command_ms", change, nothing, ratio, COMMAND_GOAL),
        _row("fsynced_commit_ms", commit, commit, 1.0, None),
    ]


def _start(folder: Path) -> dict[str, Any]:
    """From the start of the process to the first answer that says it works."""
    empty, ours = [], []
    with _server(_RECORDER, "bench/recorder/1", _config(folder)) as (recorder, address):
        _await(lambda: recorder.state() in _WORKING)
        environment = _config(folder, address)
        for _ in range(STARTS):
            for command, device, times in ((_EMPTY, "bench/empty/1", empty), (_MANAGER, "bench/manager/1", ours)):
                began = time.perf_counter()
                with _server(command, device, environment, states=(tango.DevState.UNKNOWN, *_WORKING)):
                    times.append((time.perf_counter() - began) * 1e3)
    value, reference = statistics.median(ours), statistics.median(empty)
    return _row("server_ready_ms", value, reference, value / reference, START_GOAL)


def _in_turn(actions: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median milliseconds of each action; they take turns, so that a slow moment of the machine meets all."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(ROUNDS):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            times[name].append((time.perf_counter() - began) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def _alternating(proxy: tango.DeviceProxy, *commands: str) -> Callable[[], None]:
    turn = 0

    def call() -> None:
        nonlocal turn
        proxy.command_inout(commands[turn % len(commands)])
        turn += 1

    return call


def _commit(path: Path) -> Callable[[], None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE line (text TEXT)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO line VALUES (?)", ("x" * 400,))
        connection.execute("COMMIT")

    return commit


@contextmanager
def _beamline(folder: Path) -> Iterator[tango.DeviceProxy]:
    """A manager with its recorder, without a Tango database."""
    with _server(_RECORDER, "bench/recorder/1", _config(folder)) as (recorder, address):
        _await(lambda: recorder.state() in _WORKING)
        with _server(_MANAGER, "bench/manager/1", _config(folder, address), states=_WORKING) as (manager, _):
            yield manager


def _config(folder: Path, recorder: str = "tango://127.0.0.1:1/bench/recorder/1#dbase=no") -> dict[str, str]:
    (folder / "data").mkdir(exist_ok=True)
    path = folder / "beamline.toml"
    path.write_text(
        f'state_dir = "{folder}/state"\n[instrument]\nname = "bench"\n'
        f'[data]\nroot = "{folder}/data"\nmin_free_gib = 0\nlow_free_gib = 0\n'
        f'[tango]\nrecorder_url = "{recorder}"\n',
        encoding="utf-8",
    )
    return {"BEAMSESSION_CONFIG": str(path)}


@contextmanager
def _server(
    command: list[str],
    device: str,
    environment: dict[str, str] | None = None,
    states: tuple[tango.DevState, ...] | None = None,
) -> Iterator[tuple[tango.DeviceProxy, str]]:
    """A device server on loopback; yields once its device answers (with one of `states`), and its full address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["bench", "-nodb", "-dlist", device, "-ORBendPoint", f"giop:tcp:127.0.0.1:{port}"]
    with subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            address = f"tango://127.0.0.1:{port}/{device}#dbase=no"
            _await(lambda: _listens(port))
            _await(lambda: tango.DeviceProxy(address).ping() >= 0)
            proxy = tango.DeviceProxy(address)
            _await(lambda: states is None or proxy.state() in states)
            yield proxy, address
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    """Whether the port accepts connections; asked plainly, for Tango's client waits a second after a failure."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _await(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if reached():
                return
        except tango.DevFailed:
            pass
        if time.monotonic() > until:
            raise TimeoutError("a server of the benchmark does not answer")
        time.sleep(0.005)


def _row(name: str, value: float, reference: float, ratio: float, goal: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "ms",
        "reference": round(reference, 3),
        "ratio": round(ratio, 2),
        "goal": goal,
        "higher_is_better": False,
        "cpu_s": None,
        "peak_mib": None,
    }
