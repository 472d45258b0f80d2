"""Follows a manager in a thread of its own: events first, and each second a look whether one was missed.

Nothing here waits for a window, and no window waits for this: what was heard is told as a whole `Scene`, ten times a
second at most.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tango

from beamsession.faces.tango.manager_attributes import ALL_ROWS
from beamsession.faces.taurus.caller import ManagerCaller
from beamsession.faces.taurus.scene import STATE, Scene
from beamsession.model.definition import MetadataKey
from beamsession.model.errors import BeamsessionError
from beamsession.model.names import shortened

_log = logging.getLogger(__name__)
NEWEST_RUNS = 200
_TIMEOUT_MS = 3000
_GATHER_S = 0.1
_LOOK_S = 1.0
_AGAIN_S = 1.0
_COUNT = "EventCount"
_UNREACHABLE = "MANAGER_UNREACHABLE"
_NOT_FOLLOWED = {"LastEvent", "SessionIds", "Metadata", "StartTime", "StopTime", "Version", "Alarms"}
_NAMES = (STATE, *(row.name for row in ALL_ROWS if row.name not in _NOT_FOLLOWED))
_DOCS = {row.name: row.doc for row in ALL_ROWS}


class _SilentError(Exception):
    """The manager is not heard; the text is a sentence."""


class Follower:
    """Calls `tell(scene)` from its thread whenever something has changed, until it is stopped."""

    def __init__(self, address: str, tell: Callable[[Scene], None]) -> None:
        self._address = address
        self._tell = tell
        self._heard: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._scene = Scene(fault=f"Connecting to {address} …", address=address, docs=_DOCS)
        self._is_defined = False
        self._records_of = -1
        self._thread = threading.Thread(target=self._work, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing any more; returns at once, `join` waits for the thread."""
        self._ended.set()
        self._heard.put(("", None))

    @property
    def is_working(self) -> bool:
        """Whether it was not stopped."""
        return not self._ended.is_set()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        with tango.EnsureOmniThread():
            self._publish(self._scene)
            while not self._ended.is_set():
                try:
                    self._follow()
                except _SilentError as silence:
                    self._publish(replace(self._scene, connected=False, fault=str(silence)))
                except Exception as fault:  # a thread that ended would leave the last scene standing as if true
                    _log.exception("%s cannot be followed", self._address)
                    sentence = f"What {self._address} says is not understood ({type(fault).__name__}); see the log."
                    self._publish(replace(self._scene, connected=False, fault=sentence))
                self._ended.wait(_AGAIN_S)

    def _follow(self) -> None:
        """Connect, and stay until the manager is not heard any more."""
        with self._subscribed() as proxy:
            caller = ManagerCaller(self._address)
            self._is_defined, self._records_of = False, -1
            self._take(caller, self._read(proxy, _known(proxy)))
            while not self._ended.is_set():
                changes = self._gathered()
                if not changes or any(value is None for value in changes.values()):
                    changes = self._looked(proxy, {name: item for name, item in changes.items() if item is not None})
                if not self._ended.is_set() and changes:
                    self._take(caller, changes)

    @contextlib.contextmanager
    def _subscribed(self) -> Any:
        """A proxy whose events are put into the queue for the length of a block."""
        numbers: list[int] = []
        proxy: Any = None
        try:
            proxy = tango.DeviceProxy(self._address)
            proxy.set_timeout_millis(_TIMEOUT_MS)
            numbers.extend(self._subscribe(proxy, name) for name in _known(proxy))
            yield proxy
        except tango.DevFailed as failure:
            raise _SilentError(self._sentence(failure)) from failure
        finally:
            for number in numbers:
                with contextlib.suppress(tango.DevFailed, KeyError):
                    proxy.unsubscribe_event(number)

    def _subscribe(self, proxy: Any, name: str) -> int:
        def pushed(event: Any) -> None:
            value = None if event.err or event.attr_value is None else event.attr_value.value
            self._heard.put((name, _plain(value)))

        return proxy.subscribe_event(name, tango.EventType.CHANGE_EVENT, pushed, tango.EventSubMode.Sync)

    def _gathered(self) -> dict[str, Any]:
        """What was pushed: waits for the first, then a moment for others; empty after a second without any."""
        try:
            name, value = self._heard.get(timeout=_LOOK_S)
        except queue.Empty:
            return {}
        found = {name: value} if name else {}
        until = time.monotonic() + _GATHER_S
        while not self._ended.is_set() and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                name, value = self._heard.get(timeout=left)
                if name:
                    found[name] = value
        return found

    def _looked(self, proxy: Any, heard: dict[str, Any]) -> dict[str, Any]:
        """What was heard, and where more has happened than was heard, all that stands."""
        now = self._read(proxy, (STATE, _COUNT))
        known = {**self._scene.values, **heard}
        if all(known.get(name) == value for name, value in now.items()):
            return heard
        return self._read(proxy, _known(proxy))

    def _read(self, proxy: Any, names: tuple[str, ...]) -> dict[str, Any]:
        found: Any = proxy.read_attributes(list(names))
        return {name: _plain(item.value) for name, item in zip(names, found, strict=True) if not item.has_failed}

    def _take(self, caller: ManagerCaller, changes: dict[str, Any]) -> None:
        values = {**self._scene.values, **changes}
        scene = replace(self._scene, connected=True, fault="", trouble="", values=values)
        try:
            if not self._is_defined:
                scene = _with_definition(scene, caller)
                self._is_defined = True
            if scene.whole(_COUNT) != self._records_of:
                scene = _with_records(scene, caller)
                self._records_of = scene.whole(_COUNT)
        except BeamsessionError as error:
            if error.code == _UNREACHABLE:
                raise _SilentError(error.text) from error
            scene = replace(scene, trouble=error.text)
            if error.text != self._scene.trouble:
                _log.warning("The manager's records cannot be read: %s", error.text)
        self._publish(scene)

    def _publish(self, scene: Scene) -> None:
        self._scene = scene
        if not self._ended.is_set():
            self._tell(scene)

    def _sentence(self, failure: tango.DevFailed) -> str:
        first: Any = failure.args[0] if failure.args else None
        reason = str(getattr(first, "reason", "")) or "no reason told"
        if reason in ("API_DeviceNotDefined", "DB_DeviceNotDefined"):
            return f"The Tango database knows no device {self._address}. Correct the name."
        if reason.startswith("API_Wrong") or reason == "API_UnsupportedProtocol":
            told = shortened(str(getattr(first, "desc", "")).strip())
            return f"{self._address} is not the address of a device: {told}"
        return f"{self._address} does not answer ({reason}). It is looked for again every second."


def _known(proxy: Any) -> tuple[str, ...]:
    """Those of our attributes that this manager has: it may be of another version."""
    there = set(proxy.get_attribute_list())
    return tuple(name for name in _NAMES if name in there)


def _with_definition(scene: Scene, caller: ManagerCaller) -> Scene:
    told = caller.read("metadata_definition")
    names = tuple(MetadataKey.model_fields)
    keys = tuple(MetadataKey(**{name: item[name] for name in names if item.get(name) is not None}) for item in told)
    return replace(scene, keys=keys, detectors=_detectors(caller))


def _detectors(caller: ManagerCaller) -> tuple[str, ...]:
    try:
        return tuple(str(item["name"]) for item in caller.read("detector_list"))
    except BeamsessionError as error:
        if error.code != "UNKNOWN_VERB":  # a manager of an earlier version: all its detectors are recorded
            raise
        return ()


def _with_records(scene: Scene, caller: ManagerCaller) -> Scene:
    number = scene.session_id or scene.whole("LastCompletedId")
    if not number:
        return replace(scene, session={}, runs=())
    session = caller.read("session_show", session=number, contents=False)
    after = max(0, int(session["last_run_number"]) - NEWEST_RUNS)
    runs = caller.read("run_list", session=number, after=after)
    return replace(scene, session=session, runs=tuple(reversed(runs)))


def _plain(value: Any) -> Any:
    if isinstance(value, tango.DevState):
        return str(value)
    return tuple(value) if isinstance(value, list) else value
