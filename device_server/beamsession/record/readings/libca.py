"""EPICS' own Channel Access library, called directly: for thousands of channels at once.

pyepics spends some 40 µs of Python on a monitor event and waits for each answer in turn; with ten thousand PVs that is
the difference between seconds and minutes at start, and between none and many lost values in a run. It still finds and
initialises the library.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_short, c_uint, c_ulong, c_void_p
from typing import Any, NamedTuple

import epics

from beamsession.record.ca_callback import EPICS_EPOCH_S, NORMAL, CaEvent, OnCaEvent

_STRING, _TIME_DOUBLE, _GRAPHIC_ENUM, _GRAPHIC_DOUBLE = 0, 20, 24, 27
_NATIVE_STRING, _NATIVE_ENUM = 0, 3
_VALUE_OR_ALARM = 1 | 4
_UP = 6  # CA_OP_CONN_UP
# db_access.h: status, severity, seconds, nanoseconds, padding, value.
_SAMPLE = struct.Struct("=hhIIid")
_LABEL, _MOST_LABELS, _UNITS, _TEXT = 26, 16, 8, 40
_PLACE_OF_LABELS = 6
_PLACE_OF_UNITS = 8


class _Change(ctypes.Structure):
    _fields_ = [("channel", c_void_p), ("operation", c_long)]


_OnChange = ctypes.CFUNCTYPE(None, _Change)


class Kind(NamedTuple):
    """What a connected channel holds."""

    count: int
    is_text: bool
    is_enum: bool


class Channel:
    """One channel. `on_change` is told of connections, from a thread of the library, which may not wait."""

    def __init__(self, library: Library, name: str, on_change: Callable[[bool], None]) -> None:
        self.name = name
        self._library = library
        self._on_change = on_change
        self._id = c_void_p()
        # The library holds on to these callbacks; a question that is asked again is asked with the same one.
        self._changes = _OnChange(self._changed)
        self._answers: dict[int, object] = {}
        library.create_channel(name.encode(), self._changes, None, 0, byref(self._id))

    def monitor(self, post: Callable[[int, float, int], None]) -> None:
        """Have `post` called with each value: its stamp in ns since the epoch (0: none), the number, the severity."""

        def take(event: CaEvent, unpack=_SAMPLE.unpack, string_at=ctypes.string_at) -> None:
            if event.status == NORMAL:
                _, severity, seconds, nanoseconds, _, value = unpack(string_at(event.data, 24))
                # A record that was never processed bears the beginning of EPICS time, which is no time stamp.
                stamp = (seconds + EPICS_EPOCH_S) * 1_000_000_000 + nanoseconds if seconds else 0
                post(stamp, value, severity)

        callback = self._answers.setdefault(_TIME_DOUBLE, OnCaEvent(take))
        self._library.create_subscription(_TIME_DOUBLE, 1, self._id, _VALUE_OR_ALARM, callback, None, None)

    def kind(self) -> Kind:
        """What it holds; to be asked while it is connected."""
        native = self._library.field_type(self._id)
        return Kind(self._library.element_count(self._id), native == _NATIVE_STRING, native == _NATIVE_ENUM)

    def ask_labels(self, take: Callable[[tuple[str, ...]], None]) -> None:
        """Have `take` called with the texts of an enumeration; not if it disconnects first. Needs a `flush`."""

        def unpack(data: int) -> None:
            count = min(struct.unpack("=h", ctypes.string_at(data + 4, 2))[0], _MOST_LABELS)
            texts = ctypes.string_at(data + _PLACE_OF_LABELS, _MOST_LABELS * _LABEL)
            take(tuple(_text(texts[place * _LABEL : (place + 1) * _LABEL]) for place in range(count)))

        self._ask(_GRAPHIC_ENUM, unpack)

    def ask_units(self, take: Callable[[str], None]) -> None:
        """Have `take` called with the units of a number."""
        self._ask(_GRAPHIC_DOUBLE, lambda data: take(_text(ctypes.string_at(data + _PLACE_OF_UNITS, _UNITS))))

    def ask_text(self, take: Callable[[str], None]) -> None:
        """Have `take` called with the value as text."""
        self._ask(_STRING, lambda data: take(_text(ctypes.string_at(data, _TEXT))))

    def clear(self) -> None:
        """Give it up. Not to be called from one of its callbacks."""
        self._library.clear_channel(self._id)

    def _changed(self, change: _Change) -> None:
        self._on_change(change.operation == _UP)

    def _ask(self, kind: int, unpack: Callable[[int], None]) -> None:
        def take(event: CaEvent) -> None:
            if event.status == NORMAL and event.data:
                unpack(event.data)

        callback = self._answers.setdefault(kind, OnCaEvent(take))
        self._library.array_get_callback(kind, 1, self._id, callback, None)


class Library:
    """A context of its own, whose callbacks come from threads of the library; used from the thread that made it."""

    def __init__(self) -> None:
        library = ctypes.CDLL(epics.ca.find_libca())
        if library.ca_context_create(c_int(1)) != NORMAL:
            raise RuntimeError("no Channel Access context could be made")
        self._library = library
        self.create_channel = _typed(
            library.ca_create_channel, c_char_p, _OnChange, c_void_p, c_uint, POINTER(c_void_p)
        )
        self.create_subscription = _typed(
            library.ca_create_subscription, c_long, c_ulong, c_void_p, c_long, OnCaEvent, c_void_p, c_void_p
        )
        self.array_get_callback = _typed(library.ca_array_get_callback, c_long, c_ulong, c_void_p, OnCaEvent, c_void_p)
        self.clear_channel = _typed(library.ca_clear_channel, c_void_p)
        self.field_type = _typed(library.ca_field_type, c_void_p, result=c_short)
        self.element_count = _typed(library.ca_element_count, c_void_p, result=c_ulong)

    def flush(self) -> None:
        """Send what was asked for."""
        self._library.ca_flush_io()


def _typed(function: Any, *arguments: Any, result: Any = c_int) -> Any:
    function.argtypes, function.restype = arguments, result
    return function


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("utf-8", "replace")
