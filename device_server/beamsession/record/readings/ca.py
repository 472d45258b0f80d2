"""Scalar PVs over Channel Access."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import epics

from beamsession.record.readings.reading import Reading, Severity
from beamsession.record.readings.source import Facts, Watcher

_FACTS_S = 2
# A record that was never processed bears the beginning of EPICS time, which is no time stamp.
_EPICS_EPOCH = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp())
_log = logging.getLogger(__name__)


class CaScalars:
    """A `ScalarSource`; the environment tells where servers are searched.

    What a PV is cannot be asked for from inside the library's callbacks: one thread here does that.
    """

    def __init__(self) -> None:
        epics.ca.initialize_libca()
        self._pvs: dict[str, epics.PV] = {}
        self._descriptions: dict[str, epics.PV] = {}
        self._to_describe: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._describe, name="ca facts", daemon=True).start()

    def watch(self, pv: str, watcher: Watcher) -> None:
        """Subscribe to `pv`."""
        self._pvs[pv] = epics.PV(
            pv,
            form="time",
            auto_monitor=True,
            callback=partial(_take, watcher),
            connection_callback=partial(self._connected, watcher),
        )
        # Not every server has this channel: nothing waits for it.
        self._descriptions[pv] = epics.PV(
            f"{pv.partition('.')[0]}.DESC", auto_monitor=True, callback=partial(self._described, watcher, pv)
        )

    def read(self, pv: str, timeout: float) -> Reading | None:
        """Get `pv`; an enumeration's value is its text."""
        deadline = time.monotonic() + timeout
        channel = self._pvs.get(pv)
        if channel is None:
            channel = self._pvs[pv] = epics.PV(pv, form="time", auto_monitor=False)
        if not channel.wait_for_connection(timeout=timeout):
            return None
        answer = channel.get_with_metadata(
            timeout=max(deadline - time.monotonic(), 0.1), use_monitor=False, form="time"
        )
        if answer is None or answer["value"] is None:
            return None
        facts = _facts(channel)
        stamp = _nanoseconds(answer)
        return Reading(
            value=facts.text_of(answer["value"]) if facts.labels else _scalar(answer["value"]),
            units=facts.units,
            time=datetime.fromtimestamp(stamp / 1e9, UTC) if stamp else datetime.now(UTC),
            severity=Severity(answer["severity"]),
        )

    def _connected(self, watcher: Watcher, *, conn: bool, pv: epics.PV, **_: Any) -> None:
        if conn:
            self._to_describe.put(lambda: self._tell(watcher, pv))
        else:
            watcher.lose()

    def _described(self, watcher: Watcher, pv: str, **_: Any) -> None:
        channel = self._pvs[pv]
        if channel.connected:
            self._to_describe.put(lambda: self._tell(watcher, channel))

    def _tell(self, watcher: Watcher, channel: epics.PV) -> None:
        description = self._descriptions.get(channel.pvname)
        text = description.value if description is not None and description.connected else ""
        watcher.describe(_facts(channel)._replace(description=str(text or "")))

    def _describe(self) -> None:
        epics.ca.use_initial_context()
        while True:
            task = self._to_describe.get()
            try:
                task()
            except Exception:
                _log.exception("what a PV is could not be found out")


def _take(watcher: Watcher, *, value: Any, severity: int, **arguments: Any) -> None:
    if isinstance(value, bool | int | float):
        watcher.post(_nanoseconds(arguments), float(value), severity)


def _nanoseconds(answer: dict[str, Any]) -> int:
    seconds = int(answer["posixseconds"])
    return seconds * 10**9 + int(answer["nanoseconds"]) if seconds > _EPICS_EPOCH else 0


def _facts(pv: epics.PV) -> Facts:
    kind = str(pv.type)
    if pv.count is not None and pv.count > 1:
        return Facts(refusal=f"it holds an array of {pv.count} elements")
    if kind.endswith("string"):
        return Facts(refusal="it holds text")
    controls = pv.get_ctrlvars(timeout=_FACTS_S, warn=False) or {}
    if kind.endswith("enum"):
        return Facts(units="", labels=tuple(_text(label) for label in controls.get("enum_strs", ())))
    return Facts(units=_text(controls.get("units") or "") or None)


def _text(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _scalar(value: Any) -> int | float | str:
    return value if isinstance(value, int | float | str) else str(value)
