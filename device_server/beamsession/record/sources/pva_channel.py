"""PVA channels as a source needs them: one whose every update counts, and others that are only kept open.

Updates are pulled from the client library's own queue in the thread that owns the source; its thread pool is not used.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any

from p4p import Value
from p4p.client.raw import Context, Disconnected

from beamsession.record.sources.source import Count, pv_timeout

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
_ROUND_TRIP_S = 1.0


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
    """Keeps the channel of a PV open and knows whether it is; of its structure the part `request` is sent.

    Of its values the newest `keep` are kept until they are taken.
    """

    def __init__(self, context: Context, name: str, signal: Callable[[], None], request: str, *, keep: int = 0) -> None:
        self.name = name
        self.connected = False
        self.disconnections = 0
        self._begin = partial(context.monitor, name, signal, request=request)
        self._monitor: Any = self._begin()
        self._last: Value | None = None
        self._counts: deque[Count] = deque(maxlen=keep)

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
            self.disconnections += not self.connected
            if isinstance(update, Value):
                self._last = update
                if self._counts.maxlen:
                    self._counts.append(_count(update))

    def number(self) -> int | None:
        """The last value as a whole number, None before the first."""
        return None if self._last is None else int(self._last["value"])

    def value(self) -> float | None:
        """The last value, None before the first."""
        return None if self._last is None else float(self._last["value"])

    def take_counts(self) -> list[Count]:
        """The values since this was asked last, the newest `keep` at most."""
        counts = list(self._counts)
        self._counts.clear()
        return counts

    def recall_count(self) -> None:
        """Have the value that stands told once more if all was taken."""
        if not self._counts and self._last is not None:
            self._counts.append(_count(self._last))


class Channel:
    """The PV with the data: kept open by the cheap part `idle` of its structure, subscribed during a run."""

    def __init__(self, context: Context, detector: str, name: str, wake: Wake, idle: str) -> None:
        self._context = context
        self._detector = detector
        self._wake = wake
        self._idle = idle
        self._watch = Watch(context, name, wake.signal, idle)
        self._subscription: Any = None
        self.name = name
        self._queue_size = 0
        self._popped = 0  # since none was left
        self._lost = 0
        self.disconnections = 0  # since `subscribe`

    @property
    def connected(self) -> bool:
        """Whether it answers."""
        return self._watch.connected

    @property
    def connection(self) -> int:
        """Which one of its connections this is: a number that changes with a disconnection."""
        return self._watch.disconnections + self._lost

    def pump(self) -> None:
        """Look whether it answers."""
        self._watch.pump()

    def subscribe(
        self, timeout: float, queue_size: int, unconnected: Callable[[], tuple[str, ...]], fields: str = ""
    ) -> Value:
        """Have every update sent, the whole of it or only these `fields`; the value that is there already.

        Raises RefusedError (PV_TIMEOUT) if it, or one of the other PVs of `unconnected`, has not answered in time.
        """
        deadline = time.monotonic() + timeout
        self._subscription = self._context.monitor(
            self.name, self._wake.signal, request=f"record[queueSize={queue_size}]{fields}"
        )
        self._queue_size, self._popped = queue_size, 0
        self.disconnections = 0
        baseline: Value | None = None
        while (baseline := baseline or self.pop()) is None or unconnected():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                missing = unconnected() or (self.name,)
                self.unsubscribe()
                raise pv_timeout(self._detector, missing, timeout, beside_frames=self.name not in missing)
            self._wake.wait(remaining)
        # A server may merge updates that wait for one of two subscriptions also in the queue of the other. What it
        # answers after the end of the one it has seen that end.
        self._watch.close()
        self.get(self._idle, max(min(deadline - time.monotonic(), _ROUND_TRIP_S), 0.0))
        self._wake.signal()
        return baseline

    @property
    def was_full(self) -> bool:
        """Whether as many updates as can wait were there at once: what came beyond was merged, which is not told."""
        return self._popped >= self._queue_size

    def unsubscribe(self) -> None:
        """Have no more updates sent, stay connected."""
        if self._subscription is not None:
            self._watch.open()
            self._subscription.close()
            self._subscription = None

    def pop(self) -> Value | None:
        """The next update; None if there is none. After a reconnection the first may be one that came before."""
        while self._subscription is not None:
            update = self._subscription.pop()
            if update is None:
                self._popped = 0
                return None
            if isinstance(update, Value):
                self._popped += 1
                self._watch.connected = True
                return update
            if isinstance(update, Disconnected):
                _log.warning("%s has disconnected", self.name)
                self._watch.connected = False
                self._lost += 1
                self.disconnections += 1
        return None

    def get(self, request: str, timeout: float) -> Value | None:
        """The part `request` of the structure; None if it does not come within `timeout` seconds."""
        done = Event()
        answers: list[object] = []

        def answered(answer: object) -> None:
            answers.append(answer)
            done.set()

        operation = self._context.get(self.name, answered, request=request)
        done.wait(timeout)
        operation.close()
        return answers[0] if answers and isinstance(answers[0], Value) else None


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


def _count(value: Value) -> Count:
    stamp = value["timeStamp.secondsPastEpoch"] * _NS + value["timeStamp.nanoseconds"]
    return Count(int(value["value"]), stamp or time.time_ns())


def _assign(value: int, target: Value) -> Value:
    """Put builder: an NTEnum takes its index, a scalar its value."""
    target["value.index" if "value.index" in target else "value"] = value
    return target


def _put_done(pv: str, done: Event, result: object) -> None:
    done.set()
    if isinstance(result, Exception):
        _log.error("writing to %s failed: %s", pv, result)
