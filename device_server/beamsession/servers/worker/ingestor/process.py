"""Starts an ingestor's guard and waits for its end, or for that of one which an earlier worker has started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.ingestor_verdict import End, Ending
from beamsession.model.errors import RefusedError
from beamsession.servers.worker.hooks.leftovers import MARK, end_leftovers, marked
from beamsession.servers.worker.ingestor.call import IngestorCall

_GUARD = "beamsession.servers.worker.ingestor.guard"
_LOOK_S = 0.1
_MOST_OUTPUT = 64 * 1024 * 1024


def program_of(target: IngestorTarget) -> str:
    """The absolute path of the program. Raises RefusedError INGESTOR_MISSING."""
    path = target.variables.get("PATH", os.environ.get("PATH"))
    if (found := shutil.which(target.command[0], path=path)) is not None:
        return str(Path(found).absolute())
    raise RefusedError(
        f"The ingestor {target.command[0]} is not there, or not executable for the worker's account.",
        code="INGESTOR_MISSING",
        value=target.command[0],
        remedy="Correct catalogue.command in the configuration or the worker's PATH, then ask for the ingest again.",
    )


def start(call: IngestorCall, target: IngestorTarget, options: tuple[str, ...], secret: str) -> None:
    """Have a guard run the program, and return when it is about to. The secret is in its order, nowhere on disk."""
    hidden = (target.secret_option, secret) if target.secret_option else ()
    command = [program_of(target), *target.command[1:], *target.environment_words, *hidden, *options]
    order = {
        "command": [*command, str(call.metadata_file), str(call.listing_file)],
        "variables": target.variables | ({target.secret_variable: secret} if target.secret_variable else {}),
        "cwd": str(target.folder or call.folder),
        "limit_s": target.time_limit_h * 3600,
        "output_limit": _MOST_OUTPUT,
        "mark": command_mark(call),
    }
    # -P: modules that lie in a working folder are never imported.
    with (call.folder / "guard.log").open("ab") as log:
        guard = subprocess.Popen(
            [sys.executable, "-P", "-m", _GUARD, str(call.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, MARK: guard_mark(call)},
            start_new_session=True,
        )
    assert guard.stdin is not None
    with suppress(BrokenPipeError), guard.stdin as stream:
        stream.write(json.dumps(order).encode())
    # From the claim on the folder shows that it lives; before, the environment of a young process may still be empty.
    while not call.is_claimed and guard.poll() is None:
        time.sleep(_LOOK_S / 5)


def end_of(call: IngestorCall, checkpoint: Callable[[], None], *, limit_s: float) -> End | None:
    """Wait for the end of a call that was intended; None if it is sure that nothing was run, nor ever will be.

    `checkpoint` is called some times a second. A program that lives without its guard is ended after `limit_s`.
    """
    until = time.monotonic() + limit_s
    while (end := call.end()) is None:
        checkpoint()
        if not call.is_guarded() and not any(marked(guard_mark(call))):
            if not any(marked(command_mark(call))):
                break
            if time.monotonic() > until:
                end_leftovers(command_mark(call))
        time.sleep(_LOOK_S)
    if end or (end := call.end()):
        return end
    return None if call.withdraw() else End(how=Ending.LOST)


def stop(call: IngestorCall) -> None:
    """Have the program ended, and its guard write that down."""
    # By its number: the program has the guard's mark too, for the instant before it is what it is to be.
    guard = call.guard()
    if guard and guard in marked(guard_mark(call)):
        with suppress(ProcessLookupError):
            os.kill(guard, signal.SIGTERM)


def guard_mark(call: IngestorCall) -> str:
    return f"guard of {call.folder.resolve()}"


def command_mark(call: IngestorCall) -> str:
    return f"ingestor of {call.folder.resolve()}"
