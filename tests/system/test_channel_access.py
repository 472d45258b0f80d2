"""`beamsession up --simulate` brings the session manager to Channel Access, and keeps it there."""

from __future__ import annotations

import os
import subprocess
import sys

from system_up import Client, Up, eventually


def _caget(up: Up, name: str) -> str:
    """A PV's value as text, asked by a process with the environment that the ready file gives."""
    code = f"import epics; print(epics.caget({up.ready['epics_prefix'] + name!r}, as_string=True, timeout=10))"
    environment = {**os.environ, **up.ready["environment"]}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout.strip().splitlines()[-1]


def test_the_ready_file_leads_to_the_pvs_and_a_killed_bridge_comes_back(up: Up, client: Client) -> None:
    number = client.Start("seen")
    assert up.ready["epics_prefix"] == "SIM:Session:"
    eventually(lambda: _caget(up, "SessionName_RBV") == "seen", "the session's name over Channel Access")

    killed = up.kill("bridge")

    eventually(lambda: up.ready["pids"].get("bridge", killed) != killed, "the bridge to be started again")
    eventually(lambda: _caget(up, "Connected") == "Connected", "the bridge to hear the manager")
    assert _caget(up, "SessionId") == str(number)
    assert client.read("SessionState") == "STARTED"
