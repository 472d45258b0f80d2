"""Scalar PVs over PV Access: NTScalar and NTEnum."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from p4p.client.thread import Context, Disconnected

from beamsession.record.readings.reading import Reading, Severity
from beamsession.record.readings.source import Facts, Watcher

_QUEUE = 100  # updates that may wait before the client library merges them


class PvaScalars:
    """A `ScalarSource`; the environment tells where servers are searched."""

    def __init__(self) -> None:
        self._context = Context("pva", nt=False)
        self._watches: dict[str, _Watch] = {}

    def watch(self, pv: str, watcher: Watcher) -> None:
        """Subscribe to `pv`."""
        watch = _Watch(watcher)
        self._watches[pv] = watch
        watch.subscription = self._context.monitor(
            pv, watch.take, request=f"record[queueSize={_QUEUE}]", notify_disconnect=True
        )

    def read(self, pv: str, timeout: float) -> Reading | None:
        """Get `pv`; an enumeration's value is its text."""
        try:
            value: Any = self._context.get(pv, timeout=timeout)
        except (TimeoutError, Disconnected):
            return None
        facts = _facts(value)
        content = facts.text_of(value["value.index"]) if _is_enum(value) else value["value"]
        stamp = _nanoseconds(value)
        return Reading(
            value=content if isinstance(content, int | float | str) else str(content),
            units=facts.units,
            time=datetime.fromtimestamp(stamp / 1e9, UTC) if stamp else datetime.now(UTC),
            severity=_severity(value),
        )


class _Watch:
    """One subscription, whose updates come from one thread at a time."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._described = False
        self.subscription: Any = None

    def take(self, value: Any) -> None:
        if isinstance(value, Exception):
            self._described = False
            self._watcher.lose()
            return
        if not self._described or (_is_enum(value) and value.changed("value.choices")):
            self._watcher.describe(_facts(value))
            self._described = True
        number = _number(value)
        if number is not None:
            self._watcher.post(_nanoseconds(value), number, _severity(value))


def _facts(value: Any) -> Facts:
    if _number(value) is None:
        return Facts(refusal=f"it holds no number but {value.getID()}")
    if _is_enum(value):
        return Facts(units="", labels=tuple(value["value.choices"]))
    return Facts(
        units=_text(value, "display.units") or None,
        description=_text(value, "display.description") or _text(value, "descriptor"),
    )


def _text(value: Any, path: str) -> str:
    """An optional field of a structure; empty where it is absent."""
    return value[path] if value.has(path) else ""


def _number(value: Any) -> float | None:
    if _is_enum(value):
        return float(value["value.index"])
    content = value.get("value")
    return float(content) if isinstance(content, bool | int | float) else None


def _is_enum(value: Any) -> bool:
    return value.getID().startswith("epics:nt/NTEnum:")


def _nanoseconds(value: Any) -> int:
    if not value.has("timeStamp"):
        return 0
    return value["timeStamp.secondsPastEpoch"] * 10**9 + value["timeStamp.nanoseconds"]


def _severity(value: Any) -> Severity:
    if not value.has("alarm"):
        return Severity.NONE
    return Severity(min(value["alarm.severity"], Severity.INVALID))
