"""A process that stands still."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from recorder_rig import wait_until


def freeze(pid: int) -> None:
    """Stop a process, and wait until it is stopped: one that is just waking up goes on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    wait_until("the process stands still", lambda: _state(pid) == "T")


def thaw(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
