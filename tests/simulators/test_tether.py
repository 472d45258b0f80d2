"""A program on a tether goes with the one that started it, whichever way that ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from beamsim.tether import tethered
from beamsim.waiting import wait_until

_STARTER = """
import subprocess, sys
command = sys.argv[1:]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
child.wait()
"""
_PROGRAM = """
import time
print("runs", flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_kill_9_of_the_starter_ends_it(tmp_path: Path) -> None:
    (tmp_path / "patient.py").write_text(_PROGRAM)
    command = [sys.executable, "-c", _STARTER, *tethered("patient")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, word = starter.stdout.readline().split()
        assert word == "runs"
        assert is_alive(int(pid))
        starter.send_signal(signal.SIGKILL)
    wait_until("the program is gone", lambda: not is_alive(int(pid)))
