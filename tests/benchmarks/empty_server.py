"""The reference of the command benchmarks: a PyTango server of the same kind that does nothing."""

from __future__ import annotations

import sys

from tango import GreenMode
from tango.server import Device, command, run


class Empty(Device):
    """Answers, and that is all."""

    green_mode = GreenMode.Asyncio

    @command
    async def Nothing(self) -> None:  # noqa: N802  Tango names are CamelCase
        """Do nothing."""


if __name__ == "__main__":
    run([Empty], args=["Empty", *sys.argv[1:]])
