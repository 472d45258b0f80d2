"""One manager, recorder and bridge for all tests of a module, on the port that the clients of this run know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from beamsim.running import Beamline
from bridge_client import command, get, put
from bridge_rig import Rig, wait_until


@pytest.fixture(scope="module")
def rig(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Everything runs, and the manager is heard."""
    folder = tmp_path_factory.mktemp("bridge")
    running = Rig(folder, simulated=beamline.prefix, ca_port=int(os.environ["EPICS_CA_SERVER_PORT"]))
    try:
        running.start()
        wait_until("the bridge hears the manager", lambda: get("Connected") == "Connected")
        yield running
    finally:
        running.stop()


@pytest.fixture
def session(rig: Rig) -> Iterator[Callable[[str], int]]:
    """`session(name)` starts a session and returns its id; none is open before and after the test."""

    def start(name: str) -> int:
        put("SessionName", name)
        assert command("Start")[0] == "DONE"
        return int(get("SessionId"))

    _close()
    yield start
    _close()


def _close() -> None:
    if get("RunState") in ("PREPARING", "RECORDING", "PAUSED"):
        put("AbortRun", 1)
    if get("SessionState") in ("STARTED", "PAUSED"):
        put("Complete", 1)
    put("AcknowledgeAlarm", 1)
    for name in ("SessionTitle", "Proposal", "Metadata", "RunTitle", "RunDetectors"):
        put(name, "")
    put("RunFrames", 0)
