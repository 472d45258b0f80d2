"""Commands and monitors over Channel Access beside the same over Tango, and the manager under a thousand CA clients."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tango

from beamsession.model.states import SessionState
from rows import row

sys.path.insert(0, str(Path(__file__).parent.parent / "epics"))

ROUNDS = 200
CLIENTS = 1000
PROCESSES = 4
PUT_GOAL = 3.0
STORM_MEDIAN_GOAL = 1.5
STORM_P99_GOAL = 3.0
_MONITORED = ("State", "SessionState", "RunState", "EventCount", "CommandStatus")


def rows() -> list[dict[str, Any]]:
    """The table's rows, in milliseconds."""
    from bridge_rig import Rig, free_port

    port = free_port()
    os.environ.update(
        EPICS_CA_ADDR_LIST=f"127.0.0.1:{port}", EPICS_CA_AUTO_ADDR_LIST="NO", EPICS_CAS_BEACON_ADDR_LIST="127.0.0.1"
    )
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), ca_port=port)
        try:
            rig.start()
            manager = rig.proxy()
            _await(lambda: _pv("Connected").get(as_string=True, use_monitor=False) == "Connected")
            manager.command_inout("Start", "bench")
            return [*_commands(manager), *_monitors(manager), *_storm(manager, port)]
        finally:
            rig.stop()


def _commands(manager: tango.DeviceProxy) -> list[dict[str, Any]]:
    """Pause and Resume, given by both in turn; a put's callback ends the round trip.

    After each command it is proved that it was done: a refused one is quick and would look good.
    """
    over_ca: list[float] = []
    over_tango: list[float] = []
    for number in range(ROUNDS):
        by_tango = "Resume" if number % 2 else "Pause"
        for name in ("Pause", "Resume"):
            put = _pv(name)
            began = time.perf_counter()
            manager.command_inout(name) if name == by_tango else put.put(1, wait=True, timeout=30)
            (over_tango if name == by_tango else over_ca).append((time.perf_counter() - began) * 1e3)
            shown: Any = manager.read_attribute("SessionState")
            state = list(SessionState)[int(shown.value)]
            assert state == (SessionState.PAUSED if name == "Pause" else SessionState.STARTED), (name, by_tango, state)
    value, reference = statistics.median(over_ca), statistics.median(over_tango)
    return [_row("ca_command_ms", value, reference, PUT_GOAL)]


def _monitors(manager: tango.DeviceProxy) -> list[dict[str, Any]]:
    """From the time stamp of the manager's change event to the callback, for Tango's clients and for CA's."""
    import epics

    from bridge_rig import PREFIX

    by_ca: list[float] = []
    by_tango: list[float] = []
    channel = epics.PV(
        f"{PREFIX}SessionState",
        form="time",
        auto_monitor=True,
        callback=lambda timestamp=0.0, **_: by_ca.append((time.time() - timestamp) * 1e3),
    )
    channel.wait_for_connection(30)

    def on_event(event: Any) -> None:
        if not event.err:
            by_tango.append((time.time() - event.attr_value.time.totime()) * 1e3)

    number = manager.subscribe_event("SessionState", tango.EventType.CHANGE_EVENT, on_event)
    time.sleep(1)
    by_ca.clear()
    by_tango.clear()
    for turn in range(ROUNDS):
        manager.command_inout("Resume" if turn % 2 else "Pause")
        time.sleep(0.01)
    _await(lambda: len(by_ca) >= ROUNDS and len(by_tango) >= ROUNDS)
    manager.unsubscribe_event(number)
    channel.disconnect()
    return [
        _row("ca_monitor_median_ms", statistics.median(by_ca), statistics.median(by_tango), None),
        _row("ca_monitor_p99_ms", _p99(by_ca), _p99(by_tango), None),
    ]


def _storm(manager: tango.DeviceProxy, port: int) -> list[dict[str, Any]]:
    """The manager's own commands without and with a thousand clients, each of which hears five PVs of each change."""
    before = _latencies(manager)
    with _clients(port) as updates:
        during = _latencies(manager)
    after = _latencies(manager)
    quiet = [*before, *after]
    return [
        _row("command_1000_ca_clients_ms", statistics.median(during), statistics.median(quiet), STORM_MEDIAN_GOAL),
        _row("command_1000_ca_clients_p99_ms", _p99(during), _p99(quiet), STORM_P99_GOAL),
        row("ca_updates_told", updates[0], 0, None, unit="updates"),
    ]


def _latencies(manager: tango.DeviceProxy) -> list[float]:
    times: list[float] = []
    for turn in range(ROUNDS):
        began = time.perf_counter()
        manager.command_inout("Resume" if turn % 2 else "Pause")
        times.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.05)
    return times


@contextmanager
def _clients(port: int) -> Iterator[list[int]]:
    """All clients connected; afterwards the list has the number of updates that they were told."""
    from bridge_rig import PREFIX

    program = str(Path(__file__).with_name("ca_clients.py"))
    command = [sys.executable, program, str(port), str(CLIENTS // PROCESSES), *(PREFIX + name for name in _MONITORED)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    told: list[int] = []
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield told
        told.append(sum(int(process.communicate(timeout=60)[0]) for process in running))
    finally:
        for process in running:
            process.kill()


def _pv(name: str) -> Any:
    import epics

    from bridge_rig import PREFIX

    return epics.get_pv(PREFIX + name, timeout=30, connect=True)


def _await(reached: Callable[[], bool]) -> None:
    waiting, until = threading.Event(), time.monotonic() + 60
    while not reached():
        assert time.monotonic() < until, "the updates did not come"
        waiting.wait(0.02)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _row(name: str, value: float, reference: float, goal: float | None) -> dict[str, Any]:
    return row(name, value, reference, goal, unit="ms", higher_is_better=False)
