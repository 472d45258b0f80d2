"""One process of the beamline: started with its log, told to end, and never outliving `up`."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LAST_LINES = 3
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Part:
    """A process with a role; its output goes to `<log_folder>/<role>.log`."""

    role: str
    command: list[str]
    environment: dict[str, str]
    log_folder: Path
    folder: Path | None = None
    stop_timeout_s: float = 10.0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_at: float = 0.0
    restart_at: float | None = None

    @property
    def pid(self) -> int:
        """Its process id, 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.log_folder / f"{self.role}.log"

    def start(self) -> None:
        """Start it, once more if it has ended. Call from the main thread: it dies with the thread that starts it."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for `up` alone, which then ends the parts in order
                preexec_fn=partial(_die_with_parent, os.getpid()),
            )
        self.started_at, self.restart_at = time.monotonic(), None

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help in time."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The last lines of its log, for a sentence about why it ended."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        return " | ".join(line.strip() for line in lines[-_LAST_LINES:])


def _die_with_parent(parent: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)  # it died before the line above; process 1 may well be the parent, in a container


def free_port() -> int:
    """A TCP port on loopback that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
