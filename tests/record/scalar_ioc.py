"""A small IOC whose scalar records a test sets, kills and starts again; over CA and PVA, on loopback only.

``python scalar_ioc.py`` reads lines ``NAME VALUE [SEVERITY]`` and answers ``ok`` when the record was told.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType

from beamsim.loopback import Loopback, Server

PREFIX = "TEST:"
INITIAL = {"ENERGY": 12.4, "MOTOR": 1.5, "COUNT": 7, "MODE": 1}


class ScalarIoc:
    """The IOC as a process; `environment` is what its clients need."""

    def __init__(self) -> None:
        self._loopback = Loopback.choose()
        self.environment = self._loopback.client_environment()
        self._changed: set[str] = set()
        self._process = self._start()

    def renew(self) -> None:
        """As it was when it started."""
        for name in sorted(self._changed):
            self.set(name, INITIAL[name])
        self._changed.clear()

    def set(self, name: str, value: float | str, severity: int = 0) -> None:
        """Give a record a value; it is posted with the present time."""
        self._changed.add(name)
        assert self._process.stdin
        self._process.stdin.write(f"{name} {value} {severity}\n")
        self._process.stdin.flush()
        assert _answer(self._process) == "ok\n"

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        """Start it again on the same ports."""
        self._changed.clear()
        self._process = self._start()

    def __enter__(self) -> ScalarIoc:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | self._loopback.server_environment(Server.SOFT_IOC),
        )
        assert _answer(process) == "ready\n"
        return process


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def serve() -> None:
    """Serve the records until the end of standard input."""
    from softioc import alarm, builder, softioc
    from softioc.asyncio_dispatcher import AsyncioDispatcher

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    builder.SetDeviceName(PREFIX.rstrip(":"))
    records = {
        "ENERGY": (float, builder.aIn("ENERGY", initial_value=INITIAL["ENERGY"], EGU="keV", DESC="photon energy")),
        "MOTOR": (float, builder.aIn("MOTOR", initial_value=INITIAL["MOTOR"], EGU="mm", DESC="sample position")),
        "COUNT": (int, builder.longIn("COUNT", initial_value=INITIAL["COUNT"])),
        "MODE": (int, builder.mbbIn("MODE", "closed", "open", initial_value=INITIAL["MODE"])),
        "TEXT": (str, builder.stringIn("TEXT", initial_value="hello")),
        "ARRAY": (None, builder.WaveformIn("ARRAY", [1.0, 2.0, 3.0])),
    }
    builder.LoadDatabase()
    softioc.iocInit(AsyncioDispatcher())
    answers.write("ready\n")
    for line in sys.stdin:
        name, value, severity = line.split()
        kind, record = records[name]
        record.set(kind(value), severity=int(severity), alarm=alarm.READ_ALARM if int(severity) else 0)
        answers.write("ok\n")


if __name__ == "__main__":
    serve()
