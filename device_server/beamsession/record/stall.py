"""A disk that hangs while a run is drained, made visible."""

from __future__ import annotations

import time

_STALL_S = 3.0


class Stall:
    """Notices that nothing is written any more; a dead disk ends no writer, it only holds it."""

    def __init__(self) -> None:
        self._written = -1
        self._since = time.monotonic()

    def sentence(self, written: int) -> str:
        """What to tell a person; empty while frames are written, or were a moment ago."""
        now = time.monotonic()
        if written != self._written:
            self._written, self._since = written, now
        stalled = now - self._since
        if stalled < _STALL_S:
            return ""
        return f"Nothing was written for {stalled:.0f} s, the disk may hang. It goes on with the disk; abort gives up."
