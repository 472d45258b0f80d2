"""A whole beamline as a user starts it: `beamsession up --simulate`, and a Tango client beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tango

from beamsim.tether import tethered

PATIENCE_S = 90.0
VERDICTS = ("COMPLETED", "INCOMPLETE", "ABORTED", "FAILED")
SMALL = ("--simulator=--size-x=64", "--simulator=--size-y=48", "--simulator=--rate=50")


def eventually(reached: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `reached`; an AssertionError saying `what` was waited for after `patience_s`."""
    until = time.monotonic() + patience_s
    while True:
        value = reached()
        if value:
            return value
        assert time.monotonic() < until, f"waited {patience_s} s for {what}"
        time.sleep(0.05)


class Up:
    """A running `beamsession up`."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state = state
        self.ready_file = state / "ready-for-tests.json"
        self.log = state.with_suffix(".log")
        options = ["--state", str(state), "--ready-file", str(self.ready_file), *arguments]
        command = tethered("beamsession.servers.up", *options)
        environment = {key: value for key, value in os.environ.items() if key != "TANGO_HOST"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment
            )

    def await_ready(self) -> dict[str, Any]:
        """The ready file's content once everything answers."""

        def ready() -> bool:
            assert self.process.poll() is None, f"up ended: {self.log.read_text(errors='replace')[-2000:]}"
            return self.ready_file.exists()

        eventually(ready, "the ready file", 180)
        return self.ready

    @property
    def ready(self) -> dict[str, Any]:
        """The ready file's present content."""
        return json.loads(self.ready_file.read_text(encoding="utf-8"))

    def kill(self, role: str) -> int:
        """kill -9 a process by its role; returns its process id."""
        pid: int = eventually(lambda: self._living(role), f"{role} to live")
        os.kill(pid, signal.SIGKILL)
        return pid

    def _living(self, role: str) -> int | None:
        """Its process, None as long as it is being started: the ready file may still name the one before."""
        pid = self.ready["pids"].get(role)
        return pid if pid is not None and _lives(pid) else None

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)


class Client:
    """A Tango client of the SessionManager that waits for what it wants to see."""

    def __init__(self, up: Up) -> None:
        ready = up.ready
        self.address = f"tango://{ready['tango_host']}/{ready['session_managers'][0]}"
        self.proxy = tango.DeviceProxy(self.address)

    def __getattr__(self, command: str) -> Callable[..., Any]:
        def call(argument: Any = None) -> Any:
            value = json.dumps(argument) if isinstance(argument, dict) else argument
            return self.proxy.command_inout(command, value)

        return call

    def read(self, name: str) -> Any:
        """An attribute's value; enums by their label."""
        attribute: Any = self.proxy.read_attribute(name)
        if name in ("SessionState", "RunState", "AlarmSeverity"):
            configuration: Any = self.proxy.get_attribute_config(name)
            return configuration.enum_labels[attribute.value]
        return attribute.value

    def ask(self, verb: str, **arguments: Any) -> Any:
        """A verb through `Call`."""
        return json.loads(self.proxy.command_inout("Call", json.dumps({"verb": verb, "args": arguments})))

    def await_attribute(self, name: str, *values: Any, patience_s: float = PATIENCE_S) -> Any:
        """Wait until an attribute has one of `values`; servers that are being restarted are waited for."""

        def reached() -> bool:
            try:
                return self.read(name) in values
            except tango.DevFailed:
                return False

        eventually(reached, f"{name} to become {values}", patience_s)
        return self.read(name)

    def await_verdict(self, patience_s: float = PATIENCE_S) -> str:
        """The run's verdict."""
        return self.await_attribute("RunState", *VERDICTS, patience_s=patience_s)


@contextmanager
def running_up(state: Path, *arguments: str) -> Iterator[Up]:
    """`beamsession up` for the length of a block; it must stop cleanly and leave no process behind."""
    up = Up(state, *arguments)
    try:
        up.await_ready()
        yield up
        pids = up.ready["pids"]
        assert up.stop() == 0, up.log.read_text(errors="replace")
        eventually(lambda: not [role for role, pid in pids.items() if _lives(pid)], "all processes to be gone", 20)
    finally:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def caput(up: Up, values: dict[str, float], *, wait: bool = True) -> None:
    """Put values to PVs of that beamline, in order; its own ports need a process of their own."""
    lines = ["import epics"]
    for name, value in values.items():
        put = f"epics.caput({name!r}, {value!r}, wait={wait}, timeout=60, connection_timeout=30)"
        lines.append(f"assert {put} == 1, {name!r}")
    environment = {**os.environ, **up.ready["environment"]}
    subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment, check=True, timeout=180)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def reason_of(failure: tango.DevFailed) -> tuple[str, str]:
    """Code and sentence of a refused command."""
    first: Any = failure.args[0]
    return first.reason, first.desc
