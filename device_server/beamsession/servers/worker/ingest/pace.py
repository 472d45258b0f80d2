"""How often a person is told how far something is."""

from __future__ import annotations

import time
from collections.abc import Callable

_SHORTEST_S = 1.0
_SHARE = 0.1


class Pace:
    """Passes on what is told a second or more after the last time; the longer it takes in all, the longer the pauses.

    Each report is an event of the log, which is kept for ever. Not for two threads at a time.
    """

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, detail: str) -> None:
        """Tell it, unless that is too soon."""
        now = self._clock()
        if now - self._told >= max(_SHORTEST_S, _SHARE * (now - self._began)):
            self._told = now
            self._tell(detail)
