"""What stands still, made visible: a disk that hangs while a run is drained, a detector that makes no frames."""

from __future__ import annotations

import time

_STALL_S = 3.0
_EXPOSURES = 3


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


class Silence:
    """Notices that a detector which should make frames makes none.

    It is silent when none has come for longer than `stall_s`, and than three of its exposures (s).
    """

    def __init__(self, stall_s: float, exposure_s: float | None) -> None:
        self._stall_s = stall_s
        self._exposure_s = exposure_s
        self._count = 0
        self._since: float | None = None

    def listen(self) -> None:
        """Frames are awaited from now on."""
        self._since = time.monotonic()

    def rest(self) -> None:
        """No frames are awaited: it is paused, or has made all."""
        self._since = None

    def hear(self, count: int, exposure_s: float | None) -> None:
        """So many frames have come; `exposure_s` is what the detector says, None where it is not asked."""
        self._exposure_s = self._exposure_s if exposure_s is None else exposure_s
        if count != self._count and self._since is not None:
            self._since = time.monotonic()
        self._count = count

    @property
    def seconds(self) -> float:
        """How long it has been silent; 0 while it is not longer than it may be."""
        if self._since is None:
            return 0.0
        silent = time.monotonic() - self._since
        return silent if silent > max(self._stall_s, _EXPOSURES * (self._exposure_s or 0.0)) else 0.0
