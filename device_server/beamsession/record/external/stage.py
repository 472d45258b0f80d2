"""The stages of one run of a file plugin, and how long each may stand still."""

from __future__ import annotations

import time
from enum import Enum, auto


class Stage(Enum):
    """They follow each other; an abort leaves some out."""

    IDLE = auto()
    READY = auto()  # the plugin captures, no frame comes
    RECORDING = auto()
    STOPPING = auto()  # the camera has been told to stop
    DRAINING = auto()  # the plugin writes what is in its queue
    CLOSING = auto()  # Capture has been told to end
    COUNTING = auto()  # the file is looked at
    ENDED = auto()


class Patience:
    """Notices when something stands still for too long."""

    def __init__(self) -> None:
        self._seen: object = None
        self._since = time.monotonic()

    def restart(self) -> None:
        """Begin anew."""
        self._seen, self._since = None, time.monotonic()

    def stands_still(self, seen: object, seconds: float) -> bool:
        """Whether `seen` has been the same for so long."""
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._since = seen, now
        return now - self._since >= seconds
