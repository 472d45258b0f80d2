"""Scalar Tango attributes: by change events where their device sends them, else read again and again."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any

import tango
from tango import AttrDataFormat, AttrQuality, CmdArgType, EventReason, EventSubMode, EventType

from beamsession.record.readings.reading import Reading, Severity
from beamsession.record.readings.source import Facts, Watcher
from beamsession.record.readings.tango_workers import Workers
from beamsession.record.tango_client import Heartbeat, connected, is_silence, reasons, sentence, split, time_ns

_log = logging.getLogger(__name__)
_WORKERS = 8  # threads, however many devices
_READERS = 4
_POLL_S = 0.2
_PING_S = 1.0
_RETRY_S = 1.0
_LONGEST_RETRY_S = 5.0
_SEVERITIES = {
    AttrQuality.ATTR_VALID: Severity.NONE,
    AttrQuality.ATTR_CHANGING: Severity.NONE,
    AttrQuality.ATTR_WARNING: Severity.MINOR,
    AttrQuality.ATTR_ALARM: Severity.MAJOR,
    AttrQuality.ATTR_INVALID: Severity.INVALID,
}
_UNSET = ("", "No description", "No unit")
_NOT_THERE = "its device has no such attribute"
_NO_NUMBERS = (CmdArgType.DevString, CmdArgType.DevEncoded)
_STATES = tuple(state.name for state in sorted(tango.DevState.__members__.values(), key=int))


class TangoScalars:
    """A `ScalarSource`. The attributes of one device are looked after together."""

    def __init__(self) -> None:
        self._workers = Workers(_WORKERS, "tango watch")
        self._hands = Workers(_READERS, "tango read")
        self._lock = threading.Lock()
        self._devices: dict[str, _Device] = {}
        self._readers: dict[str, _Reader] = {}

    def watch(self, pv: str, watcher: Watcher) -> None:
        """Watch the attribute `pv`."""
        device, attribute = split(pv)
        with self._lock:
            known = self._devices.get(device)
            if known is None:
                known = self._devices[device] = _Device(device)
                self._workers.repeat(known.tend)
            known.add(attribute, watcher)

    def read(self, pv: str, timeout: float) -> Reading | None:
        """Read the attribute `pv`; an enumeration's value, and a state, is its text."""
        device, attribute = split(pv)
        with self._lock:
            reader = self._readers.setdefault(device, _Reader(device))
        return reader.read(attribute, timeout, self._hands.submit)


class _Reader:
    """Reads the attributes of one device, one after the other; one that hangs holds one thread at most."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._turn = threading.Lock()
        self._proxy: tango.DeviceProxy | None = None
        self._pending: Future[Reading | None] | None = None
        self._warned: dict[str, str] = {}

    def read(
        self,
        attribute: str,
        timeout: float,
        submit: Callable[[Callable[[], Reading | None]], Future[Reading | None]],
    ) -> Reading | None:
        """The value, None if it does not come within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            return None
        try:
            if self._pending is not None and not self._pending.done():
                return None
            self._pending = submit(partial(self._read, attribute))
            return self._pending.result(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            return None
        finally:
            self._turn.release()

    def _read(self, attribute: str) -> Reading | None:
        try:
            proxy = self._proxy = self._proxy or connected(self._device)
            config: Any = proxy.get_attribute_config(attribute)
            value: Any = proxy.read_attribute(attribute)
        except tango.DevFailed as fault:
            self._warn(attribute, sentence(fault))
            if is_silence(fault):
                self._proxy = None
            return None
        self._warned.pop(attribute, None)
        if value.quality == AttrQuality.ATTR_INVALID or value.value is None:
            return None
        facts = _facts(config)
        return Reading(
            value=facts.text_of(int(value.value)) if facts.labels else _plain(value.value),
            units=facts.units,
            time=datetime.fromtimestamp(time_ns(value) / 1e9, UTC),
            severity=_SEVERITIES[value.quality],
        )

    def _warn(self, attribute: str, why: str) -> None:
        """Once: it is asked again and again while no run is live."""
        if self._warned.get(attribute) != why:
            _log.warning("%s of %s: %s", attribute, self._device, why)
        self._warned[attribute] = why


class _Device:
    """The watched attributes of one device. `tend` is called by one worker at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._attributes: list[_Attribute] = []
        self._proxy: tango.DeviceProxy | None = None
        self._retry_s = _RETRY_S
        self._why = ""
        self._next_look = 0.0
        self._is_restarted = False
        self._heartbeat = Heartbeat()
        self._channel: str | None = None

    def add(self, attribute: str, watcher: Watcher) -> None:
        """Watch one more."""
        with self._lock:
            self._attributes.append(_Attribute(attribute, watcher))

    def tend(self) -> float:
        """Do what is to be done now; seconds until the next time."""
        with self._lock:
            attributes = list(self._attributes)
        try:
            if self._proxy is None:
                self._proxy = connected(self._name)
            fresh = [item for item in attributes if not item.is_known]
            for attribute in fresh:
                attribute.begin(self._proxy)
            polled = [item for item in attributes if item.is_polled]
            self._read(self._proxy, [*polled, *(item for item in fresh if not item.is_polled)])
            self._look_whether_it_lives(self._proxy, subscribed=any(item.is_subscribed for item in fresh))
            if self._is_restarted or any(item.is_lost for item in attributes):
                self._lose(attributes, "its events do not come any more")
                return 0.0
        except tango.DevFailed as fault:
            self._lose(attributes, sentence(fault))
            self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)
            return self._retry_s / 2
        self._retry_s, self._why = _RETRY_S, ""
        if len(self._attributes) > len(attributes):
            return 0.0
        return _POLL_S if polled else _PING_S

    def _look_whether_it_lives(self, proxy: tango.DeviceProxy, *, subscribed: bool) -> None:
        now = time.monotonic()
        if not subscribed and now < self._next_look:
            return
        proxy.ping()
        channel = self._heartbeat.channel(proxy)
        if subscribed:
            self._channel = channel
        elif self._channel is not None and channel != self._channel:
            self._is_restarted = True
        self._next_look = now + _PING_S

    def _read(self, proxy: tango.DeviceProxy, attributes: list[_Attribute]) -> None:
        wanted = [item for item in attributes if item.is_recorded]
        if not wanted:
            return
        values: Any = proxy.read_attributes([item.name for item in wanted])
        for attribute, value in zip(wanted, values, strict=True):
            if value.has_failed:
                attribute.fail()
            else:
                attribute.take(value)

    def _lose(self, attributes: list[_Attribute], why: str) -> None:
        if why != self._why:
            _log.warning("%s does not answer: %s", self._name, why)
        self._why = why
        self._channel, self._is_restarted = None, False
        self._heartbeat.forget()
        for attribute in attributes:
            attribute.lose(self._proxy)
        self._proxy = None


class _Attribute:
    """One watched attribute; values come from a worker and from the thread of the client library's events."""

    def __init__(self, name: str, watcher: Watcher) -> None:
        self.name = name
        self.is_known = self.is_recorded = self.is_polled = self.is_lost = False
        self._watcher = watcher
        self._lock = threading.Lock()
        self._event: int | None = None
        self._last: tuple[int, float, int] | None = None

    @property
    def is_subscribed(self) -> bool:
        """Whether its values come by events."""
        return self._event is not None

    def begin(self, proxy: tango.DeviceProxy) -> None:
        """Tell what it is and subscribe; one that cannot be recorded is not read.

        Nor is one that the device has not: it is looked for again after the device was gone.
        """
        try:
            config: Any = proxy.get_attribute_config(self.name)
        except tango.DevFailed as fault:
            if is_silence(fault):
                raise
            _log.warning("%s: %s", self.name, sentence(fault))
            is_absent = "API_AttrNotFound" in reasons(fault)
            facts = Facts(refusal=_NOT_THERE if is_absent else f"its device refuses it ({sentence(fault)})")
        else:
            facts = _facts(config)
        self._watcher.describe(facts)
        self.is_known = True
        self.is_recorded = not facts.refusal
        if not self.is_recorded:
            return
        try:
            self._event = proxy.subscribe_event(self.name, EventType.CHANGE_EVENT, self._take_event, EventSubMode.Sync)
        except tango.DevFailed as fault:
            proxy.ping()  # else it is not that
            _log.info("%s is polled: %s", self.name, sentence(fault))
            self.is_polled = True

    def take(self, value: Any) -> None:
        """A value that was read or came by event; one that is not newer, or nothing new, is left out."""
        severity = _SEVERITIES[value.quality]
        number = math.nan if severity is Severity.INVALID or value.value is None else float(value.value)
        stamp = time_ns(value)
        with self._lock:
            last = self._last
            if last is not None:
                is_same = _same(last[1:], (number, severity))
                if stamp < last[0] or (is_same and (self.is_polled or stamp == last[0])):
                    return
            self._last = (stamp, number, severity)
            self._watcher.post(stamp, number, severity)

    def fail(self) -> None:
        """Its device answers that it cannot be read."""
        with self._lock:
            self._last = None
            self._watcher.lose()

    def lose(self, proxy: tango.DeviceProxy | None) -> None:
        """Its device is gone."""
        if self._event is not None and proxy is not None:
            try:
                proxy.unsubscribe_event(self._event)
            except tango.DevFailed as fault:
                _log.warning("%s could not be unsubscribed: %s", self.name, sentence(fault))
        with self._lock:
            self._event = self._last = None
            self.is_known = self.is_recorded = self.is_polled = self.is_lost = False
            self._watcher.lose()

    def _take_event(self, event: Any) -> None:
        if event.err:
            why = reasons(tango.DevFailed(*event.errors))
            if "API_EventTimeout" in why:
                self.is_lost = True
            elif "API_MissedEvents" not in why:
                self.fail()
        elif event.event_reason == EventReason.Update:
            self.take(event.attr_value)


def _same(before: tuple[float, int], now: tuple[float, int]) -> bool:
    """Whether value and severity are equal; one that is not known is as unknown as another."""
    return before[1] == now[1] and (before[0] == now[0] or (math.isnan(before[0]) and math.isnan(now[0])))


def _facts(config: Any) -> Facts:
    kind = CmdArgType(config.data_type)
    if config.data_format != AttrDataFormat.SCALAR:
        return Facts(refusal=f"it is a Tango {config.data_format.name.lower()}")
    if kind in _NO_NUMBERS:
        return Facts(refusal="it holds text" if kind is CmdArgType.DevString else "it holds encoded data")
    description = config.description if config.description not in _UNSET else _label(config)
    if kind is CmdArgType.DevState:
        return Facts(units="", description=description, labels=_STATES)
    if kind is CmdArgType.DevEnum:
        return Facts(units="", description=description, labels=tuple(config.enum_labels))
    if kind is CmdArgType.DevBoolean:
        return Facts(units="", description=description)
    return Facts(units=None if config.unit in _UNSET else config.unit, description=description)


def _label(config: Any) -> str:
    return config.label if config.label not in ("", config.name) else ""


def _plain(value: Any) -> int | float | str:
    return int(value) if isinstance(value, bool) else value if isinstance(value, int | float | str) else str(value)
