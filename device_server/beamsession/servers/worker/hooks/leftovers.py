"""What a killed worker leaves behind: a hook that runs on in its own process group, which nobody waits for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "BEAMSESSION_HOOK_MARK"
_GRACE_S = 2.0
_LOOK_S = 0.02


def end_leftovers(mark: str) -> bool:
    """End the groups of all processes that were started with `mark` in their environment; whether none is left.

    They get SIGTERM, and SIGKILL 2 s later. The environment is asked, which the kernel keeps beside the process from
    its first instant to its last: a file would miss the moment before it is written, and outlive a re-used number.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signalled(mark, number):
            return True
        until = time.monotonic() + _GRACE_S
        while time.monotonic() < until:
            if not any(marked(mark)):
                return True
            time.sleep(_LOOK_S)
    return False


def _signalled(mark: str, number: signal.Signals) -> bool:
    groups: set[int] = set()
    for pid in marked(mark):
        with suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    return bool(groups)


def marked(mark: str) -> Iterator[int]:
    """The processes with `mark` in their environment; one that ended and was not waited for has none any more."""
    wanted = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)
