"""Keeps the push of an attribute away from a read of it.

A Tango attribute holds one value, which a read fills and the kernel then copies, and which a push fills, sends and
drops. In the asyncio mode nothing keeps the two apart: a read that meets a push ends in API_AttrValueNotSet. So reads
are plain functions, which run in the kernel's own thread right before it copies the value, and leave a mark; a push
waits until the last read of its attribute is a while ago, and reads wait while a push is under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

_SETTLED_S = 0.005
_PATIENCE_S = 0.25


class ReadGuard:
    """One per device; reads are marked by `reading`, pushes done inside `pushing`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at: dict[str, float] = {}

    def reading(self, name: str) -> None:
        """Mark a read of the attribute `name`; waits for a push under way, a fraction of a millisecond."""
        with self._lock:
            self._read_at[name] = time.monotonic()

    @contextmanager
    def pushing(self, name: str) -> Generator[None]:
        """The moment to push `name`: its last read is 5 ms ago, or it is being read without a pause for 250 ms."""
        until = time.monotonic() + _PATIENCE_S
        while not self._may_push(name, until):
            time.sleep(_SETTLED_S / 2)
        try:
            yield
        finally:
            self._lock.release()

    def _may_push(self, name: str, until: float) -> bool:
        """Take the lock and keep it, unless the attribute was read just now."""
        self._lock.acquire()
        now = time.monotonic()
        if now - self._read_at.get(name, 0.0) >= _SETTLED_S or now > until:
            return True
        self._lock.release()
        return False
