"""Runs another module as a program that is told to end (SIGTERM) when its standard input ends.

``python -m beamsim.tether MODULE [ARGUMENT ...]`` gives a program without a lifeline of its own one. Who starts it with
a pipe as its standard input (``stdin=subprocess.PIPE``) takes it along, however it ends itself.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

from beamsim.lifeline import watch


def tethered(module: str, *arguments: str) -> list[str]:
    """The command that runs a module so."""
    return [sys.executable, "-m", "beamsim.tether", module, *arguments]


def main() -> None:
    """Replace the arguments by those of the module, and run it."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m beamsim.tether MODULE [ARGUMENT ...]")
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    watch(lambda: os.kill(os.getpid(), signal.SIGTERM))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
