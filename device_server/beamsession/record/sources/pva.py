"""Frames from an NTNDArray over PVA (normative type epics:nt/NTNDArray:1.0)."""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any

import numpy as np
from p4p import Value
from p4p.client.raw import Context, Disconnected

from beamsession.model.detector import PvaDetector
from beamsession.model.errors import RefusedError
from beamsession.record.frame import MAX_DIMENSIONS, Frame, FrameFormat
from beamsession.record.sources.source import (
    Connection,
    UnusableFrameError,
    halt_by_pvs,
    no_answer,
    pv_names,
    start_by_pvs,
)

_log = logging.getLogger(__name__)
_BATCH = 8  # frames taken before commands are looked at again
_LONGEST_QUEUE = 200
_QUEUE_WHILE_UNKNOWN = 50  # updates; before the size of a frame is known
_NS = 1_000_000_000
_CHEAP = "field(codec)"  # a part of the structure that hardly ever changes: keeps the channel open at no cost


class PvaSource:
    """One NTNDArray and the PVs beside it.

    Updates are pulled from the client library's own queue in this thread; its thread pool is not used. A value is
    taken as it came, its pixels are copied once, into the ring.
    """

    def __init__(self, config: PvaDetector) -> None:
        self._config = config
        self._context = Context("pva", nt=False, useenv=True)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._image = _Watch(self._context, config.pv, self._signal, _CHEAP)
        self._scalars = {
            name: _Watch(self._context, name, self._signal, "field(value)")
            for name in pv_names(config)
            if name != config.pv
        }
        self._subscription: Any = None
        self._fresh = True
        self._losses = 0
        self._frame_bytes = 0
        self._puts: list[tuple[Any, Event]] = []

    def fileno(self) -> int:
        return self._wake

    def unconnected(self) -> tuple[str, ...]:
        self._pump()
        return tuple(watch.name for watch in (self._image, *self._scalars.values()) if not watch.connected)

    def subscribe(self, timeout: float) -> FrameFormat | None:
        deadline = time.monotonic() + timeout
        self._subscription = self._context.monitor(
            self._config.pv, self._signal, request=f"record[queueSize={self._queue_size()}]"
        )
        self._fresh = True
        baseline: Value | None = None
        while baseline is None or self.unconnected():
            baseline = baseline or self._pop_value()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                missing = self.unconnected() or (self._config.pv,)
                self.unsubscribe()
                raise no_answer(self._config, missing, timeout)
            if baseline is None or self.unconnected():
                select.select([self._wake], (), (), remaining)
                self._clear()
        # A server may merge updates that wait for one of two subscriptions also in the queue of the other.
        self._image.close()
        self._signal()
        return self._baseline_format(baseline)

    def unsubscribe(self) -> None:
        if self._subscription is not None:
            self._image.open()
            self._subscription.close()
            self._subscription = None

    def frames(self) -> Iterator[Frame]:
        self._clear()
        self._pump()
        for _ in range(_BATCH):
            value = self._pop_value()
            if value is None:
                return
            frame = _frame(value)
            if frame is not None:
                self._frame_bytes = frame.format.nbytes
                yield frame
        self._signal()

    def connection(self) -> Connection:
        return Connection(self._image.connected, self._losses)

    def settle(self) -> None:
        """What was posted is on its way by itself."""

    def holds_back(self) -> bool:
        return False

    def dropped(self) -> int | None:
        name = self._config.dropped_pv
        return None if name is None else self._scalars[name].number()

    def start(self, frames: int | None) -> None:
        start_by_pvs(self._config, self._put, frames)

    def halt(self, wait_s: float = 0.0) -> None:
        halt_by_pvs(self._config, self._put, wait_s)

    def _put(self, pv: str, value: int, wait_s: float) -> None:
        self._puts = [(operation, done) for operation, done in self._puts if not done.is_set()]
        done = Event()
        operation = self._context.put(pv, partial(_put_done, pv, done), builder=partial(_assign, value), get=False)
        self._puts.append((operation, done))
        if wait_s and not done.wait(wait_s):
            _log.error("writing %d to %s was not answered within %g s", value, pv, wait_s)

    def _baseline_format(self, baseline: Value) -> FrameFormat | None:
        try:
            frame = _frame(baseline)
        except UnusableFrameError as problem:
            self.unsubscribe()
            raise RefusedError(
                f"The PV {self._config.pv} of detector {self._config.name} cannot be recorded: {problem}.",
                code="BAD_FRAME",
                value=self._config.pv,
                remedy="Name the detector's NTNDArray PV, uncompressed, in the configuration.",
            ) from problem
        if frame is None:
            return None
        self._frame_bytes = frame.format.nbytes
        return frame.format

    def _queue_size(self) -> int:
        if not self._frame_bytes:
            return _QUEUE_WHILE_UNKNOWN
        return max(4, min(_LONGEST_QUEUE, self._config.ring_mib * (1 << 20) // self._frame_bytes))

    def _pop_value(self) -> Value | None:
        """The next update; None if there is none. After a reconnection the first is an old one and left out."""
        while self._subscription is not None:
            update = self._subscription.pop()
            if update is None:
                return None
            if isinstance(update, Value):
                self._image.connected = True
                if self._fresh:
                    return update
                self._fresh = True
            elif isinstance(update, Disconnected):
                _log.warning("%s has disconnected", self._config.pv)
                self._fresh = self._image.connected = False
                self._losses += 1
        return None

    def _pump(self) -> None:
        for watch in (self._image, *self._scalars.values()):
            watch.pump()

    def _signal(self) -> None:
        os.eventfd_write(self._wake, 1)

    def _clear(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)


class _Watch:
    """Keeps the channel of a PV open and knows whether it is."""

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
        while self._monitor is not None and (update := self._monitor.pop()) is not None:
            self.connected = not isinstance(update, Disconnected)
            if isinstance(update, Value):
                self._last = update

    def number(self) -> int | None:
        """The last value as a whole number, None before the first."""
        return None if self._last is None else int(self._last["value"])


def _frame(value: Value) -> Frame | None:
    """The frame in an NTNDArray, None if it has no pixels yet."""
    received = time.time_ns()
    try:
        pixels = value["value"]
        codec = value["codec.name"]
        unique_id = value["uniqueId"]
        shape = tuple(axis["size"] for axis in reversed(value["dimension"]))
        stamp = value["timeStamp.secondsPastEpoch"] * _NS + value["timeStamp.nanoseconds"]
    except (KeyError, TypeError) as problem:
        raise UnusableFrameError("it is no NTNDArray") from problem
    if pixels is None or (isinstance(pixels, np.ndarray) and not pixels.size):
        return None
    if codec:
        raise UnusableFrameError(f"its frames are compressed with {codec}, only raw frames are taken")
    if not isinstance(pixels, np.ndarray) or not 1 <= len(shape) <= MAX_DIMENSIONS:
        raise UnusableFrameError(f"it holds {type(pixels).__name__} with {len(shape)} dimensions")
    form = FrameFormat(shape, pixels.dtype.str)
    if form.nbytes != pixels.nbytes:
        raise UnusableFrameError(f"a frame announces {form} and brings {pixels.nbytes} bytes")
    return Frame(form, unique_id, stamp or received, received, pixels)


def _assign(value: int, target: Value) -> Value:
    """Put builder: an NTEnum takes its index, a scalar its value."""
    target["value.index" if "value.index" in target else "value"] = value
    return target


def _put_done(pv: str, done: Event, result: object) -> None:
    done.set()
    if isinstance(result, Exception):
        _log.error("writing to %s failed: %s", pv, result)
