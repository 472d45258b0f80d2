"""The manager's attributes by change events, in a thread of its own; it notices when the manager goes and comes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import tango

from beamsession.faces.epics.reading import Reading, reading

_log = logging.getLogger(__name__)
_PERIOD_S = 1.0
_RETRY_S = 0.5
_TIMEOUT_MS = 3000
_TRANSPORT = "API_"

Hear = Callable[[Reading], None]


class Feed:
    """`hear(reading)` is called for each value, `connected(yes)` when the manager comes and goes; from other threads.

    Once a second the manager is asked for its State and the number of its newest event: an answer that does not come
    ends the connection, and a number that was not heard of makes everything be read again.
    """

    def __init__(
        self, device: str, attributes: Sequence[str], hear: Hear, connected: Callable[[bool, str], None]
    ) -> None:
        self._device, self._attributes = device, tuple(attributes)
        self._hear, self._connected = hear, connected
        self._ended, self._look_now = threading.Event(), threading.Event()
        self._newest = -1
        self._thread = threading.Thread(target=self._work, name="tango feed", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for what Tango does meanwhile."""
        self._ended.set()
        self._look_now.set()

    def _work(self) -> None:
        with tango.EnsureOmniThread():
            told = ""
            while not self._ended.is_set():
                try:
                    self._follow()
                except tango.DevFailed as fault:
                    reason = str(fault.args[0].desc).strip() if fault.args else str(fault)
                    if reason != told:
                        _log.warning("the session manager %s is not heard: %s", self._device, reason)
                        told = reason
                    self._connected(False, reason)
                else:
                    told = ""
                self._ended.wait(_RETRY_S)

    def _follow(self) -> None:
        """Connect, tell everything, then stay; DevFailed when the manager is gone."""
        proxy = tango.DeviceProxy(self._device)
        proxy.set_timeout_millis(_TIMEOUT_MS)
        proxy.ping()
        ids: list[int] = []
        try:
            ids.extend(self._subscribe(proxy, name) for name in self._attributes)
            self._read_all(proxy)
            self._connected(True, "")
            _log.info("the session manager %s is heard", self._device)
            self._stay(proxy)
        finally:
            for number in ids:
                _unsubscribe(proxy, number)

    def _subscribe(self, proxy: tango.DeviceProxy, name: str) -> int:
        return proxy.subscribe_event(name, tango.EventType.CHANGE_EVENT, self._event, stateless=True)

    def _stay(self, proxy: tango.DeviceProxy) -> None:
        behind = False
        while not self._ended.is_set():
            self._look_now.wait(_PERIOD_S)
            self._look_now.clear()
            if self._ended.is_set():
                return
            proxy.state()
            count = self._count(proxy)
            if count > self._newest and behind:
                _log.warning("events of the session manager were missed; everything is read again")
                self._read_all(proxy)
            behind = count > self._newest

    def _count(self, proxy: tango.DeviceProxy) -> int:
        try:
            attribute: Any = proxy.read_attribute("EventCount")
        except tango.DevFailed as fault:
            if _is_transport(fault):
                raise
            return self._newest  # in FAULT it has none
        return int(attribute.value)

    def _read_all(self, proxy: tango.DeviceProxy) -> None:
        for attribute in proxy.read_attributes(list(self._attributes)):
            self._take(reading(attribute.name, attribute))

    def _event(self, event: Any) -> None:
        name = event.attr_name.rpartition("/")[2].partition("#")[0]
        if not event.err:
            self._take(reading(self._spelling(name), event.attr_value))
        elif any(str(error.reason).startswith(_TRANSPORT) for error in event.errors):
            self._look_now.set()
        else:
            self._take(Reading(self._spelling(name), None, 3, time.time()))

    def _spelling(self, name: str) -> str:
        """Events bring names in lower case."""
        return next((known for known in self._attributes if known.lower() == name.lower()), name)

    def _take(self, read: Reading) -> None:
        if read.name == "EventCount" and read.value is not None:
            self._newest = read.value
        self._hear(read)


def _unsubscribe(proxy: tango.DeviceProxy, number: int) -> None:
    try:
        proxy.unsubscribe_event(number)
    except (tango.DevFailed, KeyError) as fault:
        _log.debug("an event could not be unsubscribed: %s", fault)


def _is_transport(fault: tango.DevFailed) -> bool:
    first = fault.args[0] if fault.args else None
    connection = isinstance(fault, tango.ConnectionFailed | tango.CommunicationFailed)
    return connection or str(getattr(first, "reason", "")).startswith(_TRANSPORT)
