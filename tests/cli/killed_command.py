"""`python killed_command.py NUMBER WORD...`: the command line, which is killed just before it touches a store's files.

It is killed with -9 before the NUMBERth renaming, linking or removing of a file that belongs to a store.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from beamsession.faces.cli.main import main

_CHANGES = ("os.rename", "os.link", "os.remove")  # what Python says before each, os.replace is a renaming too


def kill_before(last: int) -> None:
    """Let this process die before its `last` such change."""
    numbers = count(1)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES and "store.sqlite" in str(arguments[0]) and next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


if __name__ == "__main__":
    kill_before(int(sys.argv.pop(1)))
    main()
