"""Server processes that are started together and end together."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE = 5.0  # seconds a server has to end by itself


class ServerEndedError(RuntimeError):
    """A server ended that should be running; says which, and its last words."""


@dataclass(slots=True)
class ServerProcesses:
    """Python modules run as servers, each with a log file in one folder."""

    log_folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def pids(self) -> dict[str, int]:
        """Process id by role."""
        return {role: process.pid for role, process in self._running.items()}

    def start(self, role: str, module: str, arguments: list[str], environment: dict[str, str]) -> None:
        """Run ``python -m module``; its standard input ends when this process does.

        In a session of its own, so that Ctrl-C at a terminal reaches only the one who then ends them all.
        """
        with self._log(role).open("wb") as log:
            self._running[role] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """ServerEndedError if one of them is no longer running."""
        for role, process in self._running.items():
            if process.poll() is not None:
                raise ServerEndedError(
                    f"{role} (process {process.pid}) ended with {process.returncode}: {self._last_words(role)}"
                )

    def stop(self) -> None:
        """End all; those that do not within 5 s are killed."""
        for process in self._running.values():
            process.terminate()
        until = time.monotonic() + _PATIENCE
        for process in self._running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def _log(self, role: str) -> Path:
        return self.log_folder / f"{role}.log"

    def _last_words(self, role: str) -> str:
        lines = self._log(role).read_text(errors="replace").splitlines()[-1:]
        return lines[0] if lines else "it said nothing"
