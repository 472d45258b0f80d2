"""When all frames that were posted before a stop are here."""

from __future__ import annotations

import math
import time
from collections import deque

LONGEST_STOP_S = 3.0
_QUIET_S = 0.1  # so long without a small frame: all that was posted before the stop is here
_LONGEST_QUIET_S = 1.0
_SLOW_LINK = 12_500_000  # bytes/s, of 100 Mbit/s Ethernet: a large frame is as long on its way
_GAPS = 10  # between frames; the largest tells how long to wait for one more
_NS = 1_000_000_000


class Stop:
    """Told of each frame that is recorded, and of the order to stop: `at_ns`, ns since 1970, or None before it.

    `is_passed` is set when a frame has come that was posted later; `last_frame` is when one was recorded, on the
    monotonic clock (s).
    """

    def __init__(self) -> None:
        self.at_ns: int | None = None
        self.is_passed = False
        self.last_frame = 0.0
        self._since = 0.0
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._nbytes = 0

    def see(self, nbytes: int) -> None:
        """A frame of so many bytes is recorded: note what tells how long another one may be on its way."""
        now = time.monotonic()
        if self.last_frame:
            self._gaps.append(now - self.last_frame)
        self.last_frame = now
        self._nbytes = nbytes

    def order(self, at_ns: int) -> None:
        """No frame posted after `at_ns` is to be recorded."""
        self.at_ns = at_ns
        self._since = time.monotonic()

    def is_before(self, receive_ns: int, posted_ns: int | None, empty_ns: int) -> bool:
        """Whether a frame is later: by when it was posted; else by its arrival, where it has not waited with us."""
        if self.at_ns is None:
            return False
        if posted_ns is not None:
            return posted_ns > self.at_ns
        return empty_ns >= self.at_ns and receive_ns > self.at_ns + self._quiet_s * _NS

    def is_quiet(self, now: float) -> bool:
        """Whether no frame has come for so long that none is on its way."""
        return now - max(self.last_frame, self._since) > self._quiet_s

    def takes_too_long(self, now: float) -> bool:
        """Whether frames are still coming though the order is old."""
        return now - self._since > LONGEST_STOP_S

    @property
    def _quiet_s(self) -> float:
        on_its_way = min(3 * max(self._gaps, default=math.inf), self._nbytes / _SLOW_LINK)
        return min(max(_QUIET_S, on_its_way), _LONGEST_QUIET_S)
