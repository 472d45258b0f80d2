"""One Channel Access channel: connected for life, its values wait in a queue for the thread that owns it."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from epics import ca, dbr

_log = logging.getLogger(__name__)
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Update:
    """A value as the client library unpacks it, with its time stamp and when it came, ns since 1970."""

    value: Any
    time_ns: int
    receive_ns: int


class Channel:
    """`signal` is called, from a thread of the client library, when there is something new to look at.

    The first update after each subscription or reconnection is the value that was there already; `fresh` tells it.
    """

    def __init__(self, name: str, signal: Callable[[], None]) -> None:
        self.name = name
        self.connected = False
        self.losses = 0
        self._signal = signal
        self._updates: deque[tuple[Update, bool]] = deque()
        self._subscription: tuple[Any, Any, Any] | None = None
        self._fresh = False
        self._chid = ca.create_channel(name, callback=self._on_connection)
        ca.flush_io()

    def subscribe(self) -> None:
        """Have changes of the value sent; needs a connection, does nothing if it was done already."""
        if self._subscription is None:
            self._fresh = False
            self._subscription = ca.create_subscription(
                self._chid, use_time=True, callback=self._on_update, mask=dbr.DBE_VALUE, count=0
            )

    def unsubscribe(self) -> None:
        """Have no more sent, forget what waits."""
        if self._subscription is not None:
            ca.clear_subscription(self._subscription[2])
            ca.flush_io()
            self._subscription = None
        self._updates.clear()

    def pop(self) -> tuple[Update, bool] | None:
        """The next update, and whether it is new; None if there is none."""
        return self._updates.popleft() if self._updates else None

    @property
    def waits(self) -> bool:
        """Whether there is an update to `pop`."""
        return bool(self._updates)

    def put(self, value: int, wait_s: float = 0.0) -> None:
        """Write, wait at most `wait_s` seconds until it is done; a failure is logged."""
        try:
            if ca.put(self._chid, value, wait=wait_s > 0, timeout=max(1, round(wait_s))) != 1:
                _log.error("writing %d to %s was not answered within %g s", value, self.name, wait_s)
            ca.flush_io()
        except ca.ChannelAccessException as problem:
            _log.error("writing to %s failed: %s", self.name, problem)

    def _on_connection(self, *, conn: bool, **_: Any) -> None:
        if self.connected and not conn:
            _log.warning("%s has disconnected", self.name)
            self._fresh = False
            self.losses += 1
        self.connected = conn
        self._signal()

    def _on_update(self, *, value: Any, posixseconds: int, nanoseconds: int, **_: Any) -> None:
        update = Update(value, int(posixseconds) * _NS + nanoseconds, time.time_ns())
        self._updates.append((update, self._fresh))
        self._fresh = True
        self._signal()
