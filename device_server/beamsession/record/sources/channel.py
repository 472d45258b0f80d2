"""One Channel Access channel: connected for life, its values wait in a queue for the thread that owns it."""

from __future__ import annotations

import ctypes
import logging
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from ctypes import POINTER, byref, c_int, c_long, c_ulong, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from epics import ca, dbr
from numpy.typing import NDArray

from beamsession.record.ca_callback import EPICS_EPOCH_S, NORMAL, CaEvent, OnCaEvent
from beamsession.record.ca_faults import CA_FAULTS

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
_STAMP = struct.Struct("=hhII")  # db_access.h: status, severity, seconds, nanoseconds
_STAMPED = 14  # from a native type to the one with a time stamp
# Of the types with a time stamp: what an element is, and where the first one stands.
_ELEMENTS = {
    dbr.STRING: ("S40", 12),
    dbr.SHORT: ("i2", 14),
    dbr.FLOAT: ("f4", 12),
    dbr.ENUM: ("u2", 14),
    dbr.CHAR: ("u1", 15),
    dbr.LONG: ("i4", 12),
    dbr.DOUBLE: ("f8", 16),
}
_MOST_NUMBERS = 4096
_LARGE = 1 << 16
_BUFFERS = 8


@dataclass(frozen=True, slots=True)
class Update:
    """A number, or the elements of a waveform, with its time stamp and when it came, ns since 1970."""

    value: Any
    time_ns: int
    receive_ns: int


class Channel:
    """`signal` is called, from a thread of the client library, when there is something new to look at.

    The first update after each subscription or reconnection is the value that was there already; `fresh` tells it. Of
    a scalar the newest updates wait, of a waveform all. pyepics finds and owns the channel; its own way of an update
    to Python takes several times as long as this one.
    """

    def __init__(self, name: str, signal: Callable[[], None], *, is_waveform: bool = False) -> None:
        self.name = name
        self.connected = False
        self.disconnections = 0
        self._signal = signal
        self._is_waveform = is_waveform
        self._updates: deque[tuple[Update, bool]] = deque(maxlen=None if is_waveform else _MOST_NUMBERS)
        self._subscription: tuple[Any, c_void_p] | None = None
        self._fresh = False
        self._chid = ca.create_channel(name, callback=self._on_connection)
        ca.flush_io()

    def subscribe(self) -> None:
        """Have changes of the value sent; needs a connection, does nothing if it was done already."""
        if self._subscription is not None:
            return
        native = ca.field_type(self._chid) if self._is_waveform else dbr.DOUBLE
        if native not in _ELEMENTS:
            return  # It has just disconnected.
        self._fresh = False
        element, offset = _ELEMENTS[native]
        take = self._on_waveform(np.dtype(element), offset) if self._is_waveform else self._on_number
        # The library holds on to the callback as long as it is subscribed.
        callback, event_id = OnCaEvent(take), c_void_p()
        _create_subscription()(
            native + _STAMPED, 0 if self._is_waveform else 1, self._chid, dbr.DBE_VALUE, callback, None, byref(event_id)
        )
        ca.flush_io()
        self._subscription = callback, event_id

    def unsubscribe(self) -> None:
        """Have no more sent, forget what waits."""
        if self._subscription is not None:
            ca.clear_subscription(self._subscription[1])
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

    def element_type(self) -> str | None:
        """The type of the channel's elements as numpy writes it; None while nothing is connected, or they are text."""
        native = ca.field_type(self._chid) if self.connected else dbr.STRING
        return None if native in (dbr.STRING, dbr.ENUM) else _ELEMENTS[native][0]

    def put(self, value: int, wait_s: float = 0.0) -> None:
        """Write, wait at most `wait_s` seconds until it is done; a failure is logged."""
        try:
            if ca.put(self._chid, value, wait=wait_s > 0, timeout=max(1, round(wait_s))) != 1:
                _log.error("writing %d to %s was not answered within %g s", value, self.name, wait_s)
            ca.flush_io()
        except CA_FAULTS as problem:
            _log.error("writing to %s failed: %s", self.name, problem)

    def _on_connection(self, *, conn: bool, **_: Any) -> None:
        if self.connected and not conn:
            _log.warning("%s has disconnected", self.name)
            self._fresh = False
            self.disconnections += 1
        self.connected = conn
        self._signal()

    def _on_number(self, event: CaEvent) -> None:
        if event.status == NORMAL:
            content = ctypes.string_at(event.data, 24)
            self._keep(struct.unpack_from("=d", content, 16)[0], content)

    def _on_waveform(self, element: np.dtype[Any], offset: int) -> Callable[[CaEvent], None]:
        buffers = Buffers()

        def take(event: CaEvent) -> None:
            if event.status != NORMAL:
                return
            size = event.count * element.itemsize
            if size < _LARGE:
                elements = np.frombuffer(ctypes.string_at(event.data + offset, size), element)
            else:
                elements = buffers.copy(event.data + offset, size).view(element)
            self._keep(elements, ctypes.string_at(event.data, _STAMP.size))

        return take

    def _keep(self, value: Any, head: bytes) -> None:
        now = time.time_ns()
        _, _, seconds, nanoseconds = _STAMP.unpack_from(head)
        self._updates.append((Update(value, (seconds + EPICS_EPOCH_S) * _NS + nanoseconds, now), self._fresh))
        self._fresh = True
        self._signal()


class Buffers:
    """Memory of large waveforms, used again: memory that is touched for the first time costs as much as copying."""

    def __init__(self) -> None:
        self._all: list[NDArray[np.uint8]] = []

    def copy(self, address: int, size: int) -> NDArray[np.uint8]:
        """A copy of what stands there; its memory is used again once nobody refers to it."""
        buffer = self._free(size)
        ctypes.memmove(buffer.ctypes.data, address, size)
        return buffer

    def _free(self, size: int) -> NDArray[np.uint8]:
        for place in range(len(self._all)):
            if self._all[place].nbytes == size and _references(self._all, place) == _UNUSED:
                return self._all[place]
        fresh = np.empty(size, np.uint8)
        self._all = [fresh, *self._all[: _BUFFERS - 1]]
        return fresh


def _references(buffers: list[NDArray[np.uint8]], place: int) -> int:
    return sys.getrefcount(buffers[place])


_UNUSED = _references([np.empty(0, np.uint8)], 0)


@cache
def _create_subscription() -> Any:
    """The library's function; pyepics' own wraps the callback into much Python."""
    function = ctypes.CDLL(ca.find_libca()).ca_create_subscription
    function.argtypes = (c_long, c_ulong, dbr.chid_t, c_long, OnCaEvent, c_void_p, POINTER(c_void_p))
    function.restype = c_int
    return function
