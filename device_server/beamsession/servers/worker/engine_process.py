"""Work on files that may be damaged or huge, in a process of its own: whatever becomes of it, the worker lives."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from beamsession.model.errors import RefusedError, error_from_json
from beamsession.servers.worker.hooks.leftovers import MARK

_log = logging.getLogger(__name__)
_CHILD = "beamsession.servers.worker.engine_child"
_LOOK_S = 0.1
_KILLED_S = 5.0  # a process that waits for a dead disk does not even obey SIGKILL
_CHUNK = 64 * 1024
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_engine(
    work: str,
    order: dict[str, Any],
    *,
    mark: str,
    limit_s: float = float("inf"),
    told: Callable[[dict[str, Any]], None] = lambda what: None,
    checkpoint: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Have `engine_child` do the work that `order` describes, and wait for its result.

    `told` hears what it tells on the way. `checkpoint` is called some times a second; what it raises ends the process
    and comes out. Should this process be killed, the other ends too; `mark` is what `end_leftovers` finds it by.
    Raises what the work raised, and RefusedError: NOT_IN_TIME, ENGINE_DIED.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", _CHILD, work],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
        env={**os.environ, **_ONE_THREAD, MARK: mark},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as orders, process.stdout as answers:
        try:
            with suppress(BrokenPipeError):
                orders.write(json.dumps(order).encode() + b"\n")
                orders.flush()
            last = _follow(answers.fileno(), time.monotonic() + limit_s, limit_s, told, checkpoint)
        finally:
            if process.poll() is None:
                _end(process)
    if "result" in last:
        return last["result"]
    if "error" in last:
        raise error_from_json(last["error"])
    raise _died(process.returncode)


def _follow(
    descriptor: int,
    deadline: float,
    limit_s: float,
    told: Callable[[dict[str, Any]], None],
    checkpoint: Callable[[], None],
) -> dict[str, Any]:
    """Read lines until the result, the error or the end; empty if it ended without either."""
    os.set_blocking(descriptor, False)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    waiting = b""
    while time.monotonic() < deadline:
        checkpoint()
        if not poll.poll(_LOOK_S * 1000):
            continue
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return {}
        *lines, waiting = (waiting + chunk).split(b"\n")
        for line in lines:
            found: dict[str, Any] = json.loads(line)
            if "result" in found or "error" in found:
                return found
            told(found)
    raise RefusedError(
        f"It did not end within {limit_s:g} s and was stopped.",
        code="NOT_IN_TIME",
        value=limit_s,
        remedy="Look whether the disk is slow; if the files are that large, raise the limit in the configuration.",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_LOOK_S)  # After its last word it is about to go by itself.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_KILLED_S)
    except subprocess.TimeoutExpired:
        _log.error("process %d was killed and does not end: a file system hangs; it is left behind", process.pid)


def _died(code: int | None) -> RefusedError:
    if code is None:
        how = "hangs and cannot be ended"
    else:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return RefusedError(
        f"The process that read the run's files {how}.",
        code="ENGINE_DIED",
        value=code,
        remedy="A data file may be damaged: look at it with h5dump or silx. More is in the worker's log.",
    )
