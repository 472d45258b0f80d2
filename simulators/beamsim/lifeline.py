"""Ties a server's life to the process that started it.

The parent holds the other end of standard input and never writes to it. However the parent goes, also by
kill -9, the kernel closes that end, and the server reads the end of the file. This also holds where the
starting thread ends before its process, which ends children that ask Linux for a parent-death signal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from threading import Event, Thread


def wait_for_end() -> None:
    """Return on SIGTERM, on SIGINT or when the parent is gone; to be called from the main thread."""
    ended = Event()
    on_end(ended.set)
    ended.wait()


def on_end(end: Callable[[], object]) -> None:
    """Call ``end`` then instead, from any thread and perhaps more than once; main thread only."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end())
    watch(end)


def watch(end: Callable[[], object]) -> None:
    """Call ``end``, from a thread, when standard input ends."""
    Thread(target=_read_to_the_end, args=(end,), name="lifeline", daemon=True).start()


def _read_to_the_end(end: Callable[[], object]) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    end()
