"""A session manager for the demonstration: `beamsession up --simulate` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_S = 120.0
_STOP_S = 40.0


class DemoFailedError(RuntimeError):
    """Something in the story did not happen; says what."""


@contextmanager
def running_server(folder: Path, simulator: list[str]) -> Iterator[dict[str, Any]]:
    """Start everything with its state in `folder`; gives the ready file's content, and stops everything at the end."""
    ready, log = folder / "ready-for-demo.json", folder / "up.log"
    command = [sys.executable, "-m", "beamsession.servers.up", "--simulate", "--state", str(folder)]
    command += ["--ready-file", str(ready), *(f"--simulator={option}" for option in simulator)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _await_ready(process, ready, log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise DemoFailedError(f"beamsession up did not stop; see {log}") from None


def left_running(pids: dict[str, int]) -> dict[str, int]:
    """Those of the processes that still exist."""
    return {role: pid for role, pid in pids.items() if Path(f"/proc/{pid}").exists() and not _is_zombie(pid)}


def use_environment(ready: dict[str, Any]) -> None:
    """Make this process a client of that server; before any control-system library is imported."""
    os.environ.update(ready["environment"])
    os.environ["TANGO_HOST"] = ready["tango_host"]


def _await_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, Any]:
    until = time.monotonic() + _START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise DemoFailedError(f"The servers do not start: {log.read_text(errors='replace').strip()[-500:]}")
        time.sleep(0.05)
    return json.loads(ready.read_text(encoding="utf-8"))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
