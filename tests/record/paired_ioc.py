"""A CA detector whose waveform and unique id are posted one by one, with the time stamps that a test wants.

``python paired_ioc.py`` reads lines ``image|id|made NUMBER TIME_NS`` and answers ``ok`` when the record was told.
"""

from __future__ import annotations

import os
import subprocess
import sys

from beamsim.loopback import Loopback, Server

PREFIX = "PAIR:"
PIXELS = 12


class PairedIoc:
    """The IOC as a process; `environment` is what its clients need."""

    def __init__(self) -> None:
        loopback = Loopback.choose()
        self.environment = loopback.client_environment()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | loopback.server_environment(Server.SOFT_IOC),
        )
        assert self._answer() == "ready\n"

    def post(self, record: str, number: int, time_ns: int) -> None:
        """Give `image`, `id` or `made` a number; all pixels of the image have it."""
        assert self._process.stdin
        self._process.stdin.write(f"{record} {number} {time_ns}\n")
        self._process.stdin.flush()
        assert self._answer() == "ok\n"

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def serve() -> None:
    """Serve the records until the end of standard input."""
    import numpy as np
    from softioc import builder, softioc
    from softioc.asyncio_dispatcher import AsyncioDispatcher

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    builder.SetDeviceName(PREFIX.rstrip(":"))
    image = builder.WaveformIn("ArrayData", length=PIXELS, FTVL="SHORT", TSE=-2)
    scalars = {"id": builder.longIn("UniqueId_RBV", TSE=-2), "made": builder.longIn("ArrayCounter_RBV", TSE=-2)}
    builder.LoadDatabase()
    softioc.iocInit(AsyncioDispatcher())
    answers.write("ready\n")
    for line in sys.stdin:
        record, number, time_ns = line.split()
        stamp = int(time_ns) / 1e9
        if record == "image":
            image.set(np.full(PIXELS, int(number), np.int16), timestamp=stamp)
        else:
            scalars[record].set(int(number), timestamp=stamp)
        answers.write("ok\n")


if __name__ == "__main__":
    serve()
