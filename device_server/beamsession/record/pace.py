"""How often a process looks for small frames: what comes in between is taken together.

Waking for each frame costs more than a small frame itself: two switches of the processor, and a turn at everything
else that is looked at.
"""

from __future__ import annotations

import time

_LOOK_S = 0.001


class Pace:
    """Keeps looks a millisecond apart; one that comes later by itself is not held up."""

    def __init__(self) -> None:
        self._next = 0.0

    def wait(self) -> None:
        """Wait until it is time for the next look."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
            now = self._next
        self._next = now + _LOOK_S
