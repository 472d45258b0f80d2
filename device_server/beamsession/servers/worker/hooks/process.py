"""One hook, run as a process of its own with a time limit: nothing that it does harms the worker."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from beamsession.model.hook import HookConfig
from beamsession.model.names import shortened
from beamsession.model.plain import plain
from beamsession.servers.worker.hooks.leftovers import MARK
from beamsession.servers.worker.hooks.output import OutputTail

_CHILD = "beamsession.servers.worker.hooks.child"
_GRACE_S = 2.0
_LOOK_S = 0.1
_LAST_READS = 16
# The keys of the facts that a hook finds in its environment too, empty where there is no such fact.
_IN_ENVIRONMENT = ("session_id", "session_name", "session_folder", "run_number", "run_file", "device")


@dataclass(frozen=True)
class HookResult:
    """How a hook ended: `detail` is a sentence for a person, `output` the last 4000 characters at most of what it
    printed on either stream.
    """

    ok: bool
    detail: str
    output: str = ""


def run_hook(
    hook: HookConfig, facts: Mapping[str, Any], *, mark: str = "", checkpoint: Callable[[], None] = lambda: None
) -> HookResult:
    """Run `hook` and wait for its end, `hook.timeout_s` at most; never raises for what the hook does.

    It finds `facts` as one JSON document on its standard input, the most important ones in its environment
    (`BEAMSESSION_SESSION_ID` …), and is in the session's folder, or in `/` where there is none. At the time limit its
    process group gets SIGTERM, and SIGKILL 2 s later; what it leaves running after its own end in time is not waited
    for. `checkpoint` is called some times a second; what it raises ends the hook in the same way and comes out. By
    `mark` it is found by `end_leftovers`, should this process be killed.
    """
    with tempfile.TemporaryFile() as document:
        document.write(json.dumps(plain(facts)).encode())
        document.seek(0)
        try:
            process = _started(hook, facts, mark, document)
        except OSError as fault:
            return HookResult(ok=False, detail=f"The hook '{hook.name}' was not run: {_why_not_started(hook, fault)}.")
    assert process.stdout is not None
    with process.stdout as pipe:
        tail = OutputTail(pipe.fileno())
        began = time.monotonic()
        try:
            in_time = _wait(process, tail, began + hook.timeout_s, checkpoint)
        finally:
            if process.returncode is None:
                _end(process, tail)
        _drain(tail)
    seconds = time.monotonic() - began
    ok = in_time and process.returncode == 0
    ending = f"ended well after {seconds:.1f} s." if ok else _failure(hook, process.returncode, in_time, tail.text())
    return HookResult(ok=ok, detail=f"The hook '{hook.name}' {ending}", output=tail.text())


def _started(hook: HookConfig, facts: Mapping[str, Any], mark: str, document: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P: modules that lie in the session's folder are never imported; -u: what is printed before a kill is not lost.
    command = hook.command or (sys.executable, "-P", "-u", "-m", _CHILD, hook.entry_point)
    return subprocess.Popen(
        list(command),
        stdin=document,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        cwd=_folder(facts),
        env=_environment(hook, facts) | {MARK: _encoded(mark)},
        start_new_session=True,
    )


def _folder(facts: Mapping[str, Any]) -> Path:
    folder = Path(str(facts.get("session_folder") or "/"))
    return folder if folder.is_absolute() and folder.is_dir() and os.access(folder, os.X_OK) else Path("/")


def _environment(hook: HookConfig, facts: Mapping[str, Any]) -> dict[str, str | bytes]:
    told = {"HOOK": hook.name, "EVENT": hook.on.value}
    told |= {key.upper(): str("" if facts.get(key) is None else facts[key]) for key in _IN_ENVIRONMENT}
    return {**os.environ, **{f"BEAMSESSION_{key}": _encoded(text) for key, text in told.items()}}


def _encoded(text: str) -> bytes:
    """`text` for an environment: a path's own bytes; what cannot be there, NUL and lone surrogates, left out."""
    text = text.replace("\0", "")
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode(errors="ignore")


def _wait(process: subprocess.Popen[bytes], tail: OutputTail, deadline: float, checkpoint: Callable[[], None]) -> bool:
    """Read what it prints until it ends; whether it did so before the deadline."""
    while process.poll() is None:
        if time.monotonic() >= deadline:
            return False
        checkpoint()
        _look(process, tail, min(_LOOK_S, max(deadline - time.monotonic(), 0)))
    return True


def _look(process: subprocess.Popen[bytes], tail: OutputTail, wait_s: float) -> None:
    if tail.is_open:
        tail.read(wait_s)
        return
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait_s)


def _end(process: subprocess.Popen[bytes], tail: OutputTail) -> None:
    """End the whole process group, with time to tidy up; its output is read meanwhile, or it might hang on that."""
    _signal_group(process, signal.SIGTERM)
    until = time.monotonic() + _GRACE_S
    while time.monotonic() < until:
        process.poll()
        if not _signal_group(process, 0):
            return
        if not tail.read(_LOOK_S / 2):
            time.sleep(_LOOK_S / 10)
    _signal_group(process, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether anybody was there to get it."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # All that is left in the group runs with another account's rights.
    return True


def _drain(tail: OutputTail) -> None:
    for _ in range(_LAST_READS):  # A grandchild may print for ever.
        if not tail.read(0):
            return


def _why_not_started(hook: HookConfig, fault: OSError) -> str:
    program = Path(hook.command[0] if hook.command else sys.executable)
    if fault.errno == errno.ENOENT and program.exists():
        return f"the interpreter that the first line of {program} names does not exist"
    if fault.errno == errno.ENOENT:
        return f"{program} does not exist"
    if fault.errno == errno.EACCES:
        return f"{program} is not executable for the worker's account"
    if fault.errno == errno.ENOEXEC:
        return f"{program} is neither a program nor a script whose first line names its interpreter"
    return f"{program}: {fault.strerror or fault}"


def _failure(hook: HookConfig, code: int | None, in_time: bool, output: str) -> str:
    if code is None:
        return (
            f"did not end within {hook.timeout_s:g} s and could not be stopped: it may have another account's rights."
        )
    if not in_time:
        return f"did not end within {hook.timeout_s:g} s and was stopped."
    if code < 0:
        return f"was killed by {_signal_name(-code)}."
    last = output.rpartition("\n")[2].strip()
    said = f": {shortened(last)}" if last else "."
    return f"failed with exit code {code}{said}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
