"""Keeps a loop to an absolute schedule, so that the time the work takes never adds up."""

from __future__ import annotations

import time
from threading import Event

_LATEST = 0.5  # seconds; a longer hold-up is not caught up, a detector cannot make the past again


class Pace:
    """Instants one period apart, counted from the first; a late one is followed by the next in time."""

    def __init__(self) -> None:
        self._due: float | None = None

    def wait(self, period: float, stop: Event) -> bool:
        """Wait for the next instant; False as soon as ``stop`` is set. A period of 0 s does not wait."""
        now = time.monotonic()
        due = now if self._due is None else self._due + period
        self._due = due if due > now - _LATEST else now
        remaining = self._due - now
        return not (stop.wait(remaining) if remaining > 0 else stop.is_set())
