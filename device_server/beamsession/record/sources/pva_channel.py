"""PVA channels as a source needs them: one whose every update counts, and others that are only kept open.

Updates are pulled from the client library's own queue in the thread that owns the source; its thread pool is not used.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any

from p4p import Value
from p4p.client.raw import Context, Disconnected

from beamsession.record.sources.source import pv_timeout

_log = logging.getLogger(__name__)


class Wake:
    """A descriptor that is readable when a thread of the client library has called `signal`."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def signal(self) -> None:
        """Make it readable."""
        os.eventfd_write(self._descriptor, 1)

    def clear(self) -> None:
        """Make it unreadable until the next signal."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)

    def wait(self, timeout: float) -> None:
        """Wait for a signal, `timeout` seconds at most, and clear it."""
        select.select([self._descriptor], (), (), timeout)
        self.clear()


class Watch:
    """Keeps the channel of a PV open and knows whether it is; of its structure the part `request` is sent."""

    def __init__(self, context: Context, name: str, signal: Callable[[], None], request: str) -> None:
        self.name = name
        self.connected = False
        self._begin = partial(context.monitor, name, signal, request=request)
        self._monitor: Any = self._begin()
        self._last: Value | None = None

    def open(self) -> None:
        if self._monitor is None:
            self._monitor = self._begin()

    def close(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None

    def pump(self) -> None:
        """Look at what has come."""
        while self._monitor is not None and (update := self._monitor.pop()) is not None:
            self.connected = not isinstance(update, Disconnected)
            if isinstance(update, Value):
                self._last = update

    def number(self) -> int | None:
        """The last value as a whole number, None before the first."""
        return None if self._last is None else int(self._last["value"])


class Channel:
    """The PV with the data: kept open by the cheap part `idle` of its structure, subscribed whole during a run."""

    def __init__(self, context: Context, detector: str, name: str, wake: Wake, idle: str) -> None:
        self._context = context
        self._detector = detector
        self._wake = wake
        self._watch = Watch(context, name, wake.signal, idle)
        self._subscription: Any = None
        self._fresh = True
        self.name = name

    @property
    def connected(self) -> bool:
        """Whether it answers."""
        return self._watch.connected

    def pump(self) -> None:
        """Look whether it answers."""
        self._watch.pump()

    def subscribe(self, timeout: float, queue_size: int, unconnected: Callable[[], tuple[str, ...]]) -> Value:
        """Have every update sent; the value that is there already.

        Raises RefusedError (PV_TIMEOUT) if it, or one of the other PVs of `unconnected`, has not answered in time.
        """
        deadline = time.monotonic() + timeout
        self._subscription = self._context.monitor(
            self.name, self._wake.signal, request=f"record[queueSize={queue_size}]"
        )
        self._fresh = True
        baseline: Value | None = None
        while (baseline := baseline or self.pop()) is None or unconnected():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                missing = unconnected() or (self.name,)
                self.unsubscribe()
                raise pv_timeout(self._detector, missing, timeout)
            self._wake.wait(remaining)
        # A server may merge updates that wait for one of two subscriptions also in the queue of the other.
        self._watch.close()
        self._wake.signal()
        return baseline

    def unsubscribe(self) -> None:
        """Have no more updates sent, stay connected."""
        if self._subscription is not None:
            self._watch.open()
            self._subscription.close()
            self._subscription = None

    def pop(self) -> Value | None:
        """The next update; None if there is none. After a reconnection the first is an old one and left out."""
        while self._subscription is not None:
            update = self._subscription.pop()
            if update is None:
                return None
            if isinstance(update, Value):
                self._watch.connected = True
                if self._fresh:
                    return update
                self._fresh = True
            elif isinstance(update, Disconnected):
                _log.warning("%s has disconnected", self.name)
                self._fresh = self._watch.connected = False
        return None


class Puts:
    """Writes to PVs without waiting for them, or for a while only; failures are logged."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: list[tuple[Any, Event]] = []

    def put(self, pv: str, value: int, wait_s: float) -> None:
        """Write to a PV; wait at most `wait_s` seconds until it has the value."""
        self._pending = [(operation, done) for operation, done in self._pending if not done.is_set()]
        done = Event()
        operation = self._context.put(pv, partial(_put_done, pv, done), builder=partial(_assign, value), get=False)
        self._pending.append((operation, done))
        if wait_s and not done.wait(wait_s):
            _log.error("writing %d to %s was not answered within %g s", value, pv, wait_s)


def _assign(value: int, target: Value) -> Value:
    """Put builder: an NTEnum takes its index, a scalar its value."""
    target["value.index" if "value.index" in target else "value"] = value
    return target


def _put_done(pv: str, done: Event, result: object) -> None:
    done.set()
    if isinstance(result, Exception):
        _log.error("writing to %s failed: %s", pv, result)
