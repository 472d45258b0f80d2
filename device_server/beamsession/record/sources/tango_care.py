"""Looks after one Tango device from a thread of its own: connects, subscribes, polls, and knows when it was away.

No call of a client of Tango may be made from the receiver's thread: each may take as long as its time-out.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import tango
from tango import EventReason, EventSubMode, EventType

from beamsession.model.detector import TangoDetector, TangoEvent
from beamsession.record.frame import FrameFormat
from beamsession.record.sources.source import UnusableFrameError
from beamsession.record.sources.tango_inbox import Inbox, Number
from beamsession.record.sources.tango_picture import format_of, is_valid, picture, refusal
from beamsession.record.tango_client import Heartbeat, connected, is_silence, reasons, sentence, split, time_ns

_log = logging.getLogger(__name__)
_PING_S = 0.5
_IDLE_PING_S = 2.0
_RETRY_S = 0.5
_DROPPED_S = 0.25
_TRIES = 3
_EVENT_TYPES = {
    TangoEvent.AUTO: EventType.CHANGE_EVENT,
    TangoEvent.CHANGE: EventType.CHANGE_EVENT,
    TangoEvent.ARCHIVE: EventType.ARCHIVE_EVENT,
    TangoEvent.USER: EventType.USER_EVENT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """To a subscription: the format of the present frame, or why there can be none; `ticket` tells to which."""

    ticket: int
    form: FrameFormat | None = None
    refusal: str = ""


class _NoEventsError(Exception):
    """The device answers, and sends no events of the kind that is wanted."""


class TangoCare:
    """The values go to `inbox`. What the thread finds is in `missing`, `answer`, `dropped` and `busy`."""

    def __init__(self, config: TangoDetector, inbox: Inbox) -> None:
        self._config = config
        self._inbox = inbox
        self._device, self._attribute = split(config.attribute)
        self._changed = threading.Condition()
        self._wanted = 0
        self._asked = 0
        self._settled = 0
        self.missing = _names(config)
        self.answer = Answer(0)
        self.dropped: int | None = None
        self._proxy: tango.DeviceProxy | None = None
        self._lost_why = ""
        self._was_present = False
        self._events: list[int] = []
        self._heartbeat = Heartbeat()
        self._channel: str | None = None
        self._serving = 0
        self._is_polling = False
        self._last_seen: tuple[int, int | None] = (-1, None)
        self._invalid_since_frame = False
        self._frames_seen = False
        self._next_ping = self._next_poll = self._next_dropped = 0.0
        threading.Thread(target=self._run, name=f"{config.name} care", daemon=True).start()

    def want(self, ticket: int) -> None:
        """Have the frames of the run `ticket` sent, 0 for none."""
        with self._changed:
            self._wanted = ticket
            self._changed.notify()

    def settle(self) -> None:
        """Read once more what is read again and again."""
        with self._changed:
            self._asked += 1
            self._changed.notify()

    @property
    def busy(self) -> bool:
        """Whether the device has yet to be read as `settle` asked for."""
        return self._settled < self._asked and bool(self._wanted) and not self.missing

    def _run(self) -> None:
        while True:
            asked = self._asked
            try:
                self._tend(must_read=asked > self._settled)
            except tango.DevFailed as fault:
                self._lose(sentence(fault))
            except Exception:
                _log.exception("%s could not be looked after", self._device)
                self._lose("of an error in the recorder")
            self._settled = asked
            self._inbox.signal()
            with self._changed:
                if self._proxy is None or (self._wanted == self._serving and self._asked == asked):
                    self._changed.wait(self._pause())

    def _pause(self) -> float:
        if self._proxy is None:
            return _RETRY_S
        due = [self._next_ping]
        if self._serving and self._is_polling:
            due.append(self._next_poll)
        if self._serving and self._config.dropped_attribute:
            due.append(self._next_dropped)
        return max(min(due) - time.monotonic(), 0.0)

    def _tend(self, *, must_read: bool) -> None:
        if self._proxy is None:
            self._connect()
        if self._wanted != self._serving:
            self._unsubscribe()
            self._serve(self._wanted)
        if self._proxy is None:
            return
        if not self._was_present:
            self._was_present = True
            self._inbox.tell(present=True)  # only now: from here on frames come
        now = time.monotonic()
        if self._serving and self._is_polling and (must_read or now >= self._next_poll):
            self._poll()
            self._next_poll = max(now + self._config.polling_ms / 1000, time.monotonic())
        if self._serving and self._config.dropped_attribute and (must_read or now >= self._next_dropped):
            self._read_dropped(self._config.dropped_attribute)
            self._next_dropped = time.monotonic() + _DROPPED_S
        if now >= self._next_ping:
            self._look_whether_it_lives()

    def _connect(self) -> None:
        proxy = connected(self._device)
        missing: list[str] = []
        for name in _names(self._config):
            try:
                if name in (self._config.start_command, self._config.stop_command):
                    proxy.get_command_config(name)
                else:
                    proxy.get_attribute_config(self._attribute if name == self._config.attribute else name)
            except tango.DevFailed as fault:
                if is_silence(fault):
                    raise
                missing.append(name)
        if self._config.attribute not in missing:
            _read(proxy, self._attribute)  # a device that hangs when it is read does not answer
        self._proxy = proxy
        self._next_ping = time.monotonic() + _PING_S
        self._lost_why = ""
        if missing:
            self._lose(f"it has no {', '.join(missing)}", missing)
            return
        self.missing = ()

    def _lose(self, why: str, missing: list[str] | None = None) -> None:
        if why != self._lost_why:
            _log.warning("%s does not answer: %s", self._device, why)
        self._lost_why = why
        self.missing = tuple(missing or _names(self._config))
        if self._was_present:
            self._was_present = False
            self._inbox.tell(present=False)
        self._unsubscribe()
        self._heartbeat.forget()
        self._proxy = None

    def _look_whether_it_lives(self) -> None:
        proxy = self._living()
        if self._serving:
            # While it acquires it may take its time for everything else.
            proxy.ping()
            if self._events and self._heartbeat.channel(proxy) != self._channel:
                self._lose("its server was restarted")
            self._next_ping = time.monotonic() + _PING_S
            return
        try:
            proxy.state()
        except tango.DevFailed as fault:
            if is_silence(fault):
                raise
        self._next_ping = time.monotonic() + _IDLE_PING_S

    def _serve(self, ticket: int) -> None:
        """Begin for a run, or begin again after the device was away."""
        if ticket and self._proxy is not None:
            try:
                self._subscribe(ticket)
            except _NoEventsError as problem:
                self.answer = Answer(ticket, refusal=f"its device sends no such events ({problem})")
            except UnusableFrameError as problem:
                self.answer = Answer(ticket, refusal=str(problem))
            else:
                self._inbox.signal()
        if ticket and self._proxy is None:
            return
        self._serving = ticket

    def _subscribe(self, ticket: int) -> None:
        proxy = self._living()
        config: Any = proxy.get_attribute_config(self._attribute)
        if reason := refusal(config):
            raise UnusableFrameError(reason)
        if ticket != self.answer.ticket:
            self._frames_seen = self._invalid_since_frame = False
        self._is_polling = False
        self._is_polling = self._config.event is TangoEvent.POLL or not self._subscribe_to_events(proxy, ticket)
        value, unique_id = self._present(proxy)
        # Where it is polled the frame that is there is an old one; an invalid one is told from the next by its stamp.
        self._last_seen = (-1 if value is None else time_ns(value), unique_id)
        self._next_poll = time.monotonic() + self._config.polling_ms / 1000
        if self._config.dropped_attribute:
            self._read_dropped(self._config.dropped_attribute)
        form = format_of(picture(value).pixels) if value is not None and is_valid(value) else None
        self.answer = Answer(ticket, form)

    def _subscribe_to_events(self, proxy: tango.DeviceProxy, ticket: int) -> bool:
        is_auto = self._config.event is TangoEvent.AUTO
        names = [self._attribute, *filter(None, [self._config.id_attribute])]
        # What the server polls itself it sends as events only where it has changed: frames would be left out.
        if is_auto and any(proxy.is_attribute_polled(name) for name in names):
            return False
        take = {name: partial(self._take_event, ticket, is_id=name != self._attribute) for name in names}
        try:
            for name in names:
                kind = _EVENT_TYPES[self._config.event]
                self._events.append(proxy.subscribe_event(name, kind, take[name], EventSubMode.Sync))
        except tango.DevFailed as fault:
            proxy.ping()  # else it is not that
            self._unsubscribe()
            if not is_auto:
                raise _NoEventsError(sentence(fault)) from fault
            return False
        self._channel = self._heartbeat.channel(proxy)
        return True

    def _unsubscribe(self) -> None:
        for event in self._events:
            try:
                if self._proxy is not None:
                    self._proxy.unsubscribe_event(event)
            except tango.DevFailed as fault:
                _log.warning("an event of %s could not be unsubscribed: %s", self._device, sentence(fault))
        self._events = []
        self._serving = 0

    def _take_event(self, ticket: int, event: Any, *, is_id: bool) -> None:
        """In a thread of the client library."""
        if event.err:
            self._take_event_error(ticket, reasons(tango.DevFailed(*event.errors)), is_id=is_id)
            return
        if event.event_reason != EventReason.Update:
            return
        value = event.attr_value
        if is_id:
            if is_valid(value):
                self._inbox.put(ticket, Number(int(value.value), time_ns(value)))
            return
        self._take_value(ticket, value, None)

    def _take_event_error(self, ticket: int, why: set[str], *, is_id: bool) -> None:
        if "API_EventTimeout" in why:
            with self._changed:
                self._channel = ""  # the next look finds another one
                self._next_ping = 0.0
                self._changed.notify()
        elif is_id:
            return
        elif "API_MissedEvents" in why:
            self._inbox.lose(ticket)
        else:
            self._invalid_since_frame = True

    def _take_value(self, ticket: int, value: Any, unique_id: int | None) -> None:
        """A value without content counts as a lost frame once a valid one follows: a device at rest has none either."""
        if not is_valid(value):
            self._invalid_since_frame = True
            return
        if self._invalid_since_frame and self._frames_seen and self._config.id_attribute is None:
            self._inbox.lose(ticket)
        self._invalid_since_frame = False
        self._frames_seen = True
        try:
            self._inbox.put(ticket, picture(value, unique_id))
        except (UnusableFrameError, ValueError, TypeError, KeyError) as problem:
            self._inbox.put(ticket, UnusableFrameError(str(problem)))

    def _poll(self) -> None:
        value, unique_id = self._present(self._living())
        if value is None:
            self._invalid_since_frame = True
            return
        seen = (time_ns(value), unique_id)
        is_old = seen[0] == self._last_seen[0] if unique_id is None else unique_id == self._last_seen[1]
        if is_old:
            return
        self._last_seen = seen
        self._take_value(self._serving, value, unique_id)

    def _present(self, proxy: tango.DeviceProxy) -> tuple[Any, int | None]:
        """The value that is there and its id, which is read again behind it: they belong together if it stood still.

        The value is None where the device answers with an error.
        """
        name = self._config.id_attribute
        if name is None:
            return _read(proxy, self._attribute), None
        value, before = None, _number(proxy, name)
        for _ in range(_TRIES):
            value = _read(proxy, self._attribute)
            after = _number(proxy, name)
            if after == before:
                break
            before = after
        return (None if before is None else value), before

    def _read_dropped(self, name: str) -> None:
        number = _number(self._living(), name)
        if number is not None:
            self.dropped = number

    def _living(self) -> tango.DeviceProxy:
        assert self._proxy is not None
        return self._proxy


def _names(config: TangoDetector) -> tuple[str, ...]:
    """All attributes and commands that are configured, the frames' first."""
    names = (
        config.attribute,
        config.id_attribute,
        config.dropped_attribute,
        config.frames_attribute,
        config.acquire_attribute,
        config.start_command,
        config.stop_command,
    )
    return tuple(name for name in names if name is not None)


def _read(proxy: tango.DeviceProxy, name: str) -> Any:
    """An attribute's value; None where the device answers with an error."""
    try:
        return proxy.read_attribute(name)
    except tango.DevFailed as fault:
        if is_silence(fault):
            raise
        return None


def _number(proxy: tango.DeviceProxy, name: str) -> int | None:
    value = _read(proxy, name)
    return int(value.value) if value is not None and is_valid(value) else None
