"""The process beside a plan that aborts its run when the plan's own process is killed."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_log = logging.getLogger(__name__)
_MODULE = "beamsession.faces.tango.run_guard"


class GuardProcess:
    """Started with the first run and kept; it ends by itself when this process does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, address: str, word: Mapping[str, Any]) -> None:
        """From now on the run that `word` tells, as `run_guard` takes it, is aborted if this process goes away."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, address, "bluesky"],
                stdin=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal pauses the plan, and is not meant for it
            )
        self._say(word)

    def release(self) -> None:
        """Nothing is guarded any more."""
        if self._process is not None and self._process.poll() is None:
            self._say({})

    def _say(self, word: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(word).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as fault:  # a plan does not fail because the process beside it was killed
            _log.error("The run is not guarded against the end of this process: %s", fault)
