"""Servers that die under the bridge, the bridge that dies, and who may write."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import epics
import numpy as np
import pytest
from caproto import CAStatus
from caproto.sync import client as caproto_client

from bridge_client import get, put, severity
from bridge_rig import PREFIX, Rig, wait_until
from silent_client import never_reading

Start = Callable[[str], int]
_INVALID = 3
_UPDATES = 120
_UPDATE_BYTES = 200_000
_SHOWN = ("SessionId", "SessionState", "RunState", "DiskFree", "Alarms", "SessionName_RBV", "RunsNumber", "Det1:State")


def test_a_killed_manager_makes_all_invalid_and_it_comes_back_by_itself(rig: Rig, session: Start) -> None:
    number = session("survivor")

    rig.manager.kill()

    wait_until("the manager is missed", lambda: get("Connected") == "Disconnected")
    wait_until("all is INVALID", lambda: all(severity(name) == _INVALID for name in _SHOWN))
    assert severity("Connected") == 2
    assert get("SessionId") == number
    put("Pause", 1)
    assert get("CommandStatus") == "FAILED"
    assert "cannot be reached" in get("CommandMessage")
    rig.manager.start()
    wait_until("the manager is heard again", lambda: get("Connected") == "Connected")
    wait_until("nothing is INVALID", lambda: not [name for name in _SHOWN if severity(name) == _INVALID])
    assert (get("SessionId"), get("SessionState")) == (number, "STARTED")
    put("Pause", 1)
    assert (get("CommandStatus"), get("SessionState")) == ("DONE", "PAUSED")


def test_a_killed_bridge_does_not_harm_the_session(rig: Rig, session: Start) -> None:
    number = session("unharmed")
    put("StartRun", 1)

    rig.bridge.kill()

    try:
        shown = rig.proxy().read_attribute("SessionId")
    finally:
        rig.bridge.start()
        rig.await_bridge()
    assert shown.value == number  # pyright: ignore[reportAttributeAccessIssue]
    wait_until("the bridge hears the manager", lambda: get("Connected") == "Connected")
    assert (get("SessionId"), get("RunState"), get("RunNumber")) == (number, "RECORDING", 1)
    put("StopRun", 1)
    assert get("CommandStatus") == "DONE"


def test_a_command_in_flight_when_the_manager_dies_ends_and_says_what_is_unknown(rig: Rig, session: Start) -> None:
    session("in flight")
    pause = epics.get_pv(PREFIX + "Pause", timeout=30, connect=True)
    assert rig.manager.process is not None
    rig.manager.process.send_signal(signal.SIGSTOP)

    pause.put(1, use_complete=True)
    wait_until("the command runs", lambda: get("CommandStatus") == "BUSY")
    rig.manager.kill()

    try:
        wait_until("the put has ended", lambda: pause.put_complete)
        assert (get("CommandName"), get("CommandStatus"), get("Pause")) == ("Pause", "FAILED", "Done")
        assert get("CommandCode") == "MANAGER_UNREACHABLE"
        assert "whether it was done is unknown" in get("CommandMessage")
    finally:
        rig.manager.start()
        rig.await_manager()
    wait_until("the manager is heard again", lambda: get("Connected") == "Connected")
    assert get("SessionState") == "STARTED"


def test_a_client_that_never_reads_costs_little_memory(rig: Rig, session: Start) -> None:
    session("patient")
    assert rig.bridge.process is not None
    status = Path(f"/proc/{rig.bridge.process.pid}/status")

    def resident_mib() -> float:
        return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024

    with never_reading(rig.ca_port, PREFIX + "Metadata"):
        before = resident_mib()
        for number in range(_UPDATES):
            text = f'{{"n": {number}, "x": "'.ljust(_UPDATE_BYTES - 2, "x") + '"}'
            put("Metadata", np.frombuffer(text.encode(), np.uint8))

        assert resident_mib() - before < _UPDATES * _UPDATE_BYTES / 2**20 / 2
    put("Metadata", "")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Rig]:
    """A bridge that nobody here may write to, and a disk that is nearly full."""
    running = Rig(tmp_path, write='["bl1@10.1.0.0/16", "nobody@localhost"]', low_free=1e9)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_only_those_in_the_list_may_write_and_all_may_read(guarded: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{guarded.ca_port}")
    name = PREFIX + "SessionName"

    def disk_is_low() -> bool:
        response: Any = caproto_client.read(PREFIX + "DiskFree", data_type="time", timeout=5, repeater=False)
        return response.metadata.severity == 1

    wait_until("the disk is in MINOR alarm", disk_is_low)
    refused: Any = caproto_client.write(name, "mine", notify=True, timeout=5, repeater=False)

    assert refused.status == CAStatus.ECA_NOWTACCESS.value
    assert caproto_client.read(name, timeout=5, repeater=False).data == [b""]
    monkeypatch.setattr("getpass.getuser", lambda: "nobody")
    written: Any = caproto_client.write(name, "mine", notify=True, timeout=5, repeater=False)
    assert written.status == CAStatus.ECA_NORMAL.value
    assert caproto_client.read(name, timeout=5, repeater=False).data == [b"mine"]


def test_a_read_only_value_is_shown_as_read_only(rig: Rig) -> None:
    channel = epics.get_pv(PREFIX + "SessionId", timeout=30, connect=True)

    assert (channel.read_access, channel.write_access) == (True, False)
    assert epics.get_pv(PREFIX + "SessionName", timeout=30, connect=True).write_access
    assert os.environ["EPICS_CA_SERVER_PORT"] == str(rig.ca_port)
