"""Scalar PVs over Channel Access."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import epics

from beamsession.record.ca_faults import CA_FAULTS
from beamsession.record.readings.ca_watches import CaWatches
from beamsession.record.readings.reading import Reading, Severity
from beamsession.record.readings.source import Facts, Watcher

_FACTS_S = 2
# A record that was never processed bears the beginning of EPICS time, which is no time stamp.
_EPICS_EPOCH = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp())


class CaScalars:
    """A `ScalarSource`; the environment tells where servers are searched.

    What is watched and what is read once go by contexts of their own: a flood of values does not delay a constant.
    """

    def __init__(self) -> None:
        epics.ca.initialize_libca()
        self._watches = CaWatches()
        self._pvs: dict[str, epics.PV] = {}

    def watch(self, pv: str, watcher: Watcher) -> None:
        """Subscribe to `pv`."""
        self._watches.add(pv, watcher)

    def read(self, pv: str, timeout: float) -> Reading | None:
        """Get `pv`; an enumeration's value is its text."""
        epics.ca.use_initial_context()
        deadline = time.monotonic() + timeout
        channel = self._pvs.get(pv)
        if channel is None:
            channel = self._pvs[pv] = epics.PV(pv, form="time", auto_monitor=False)
        if not channel.wait_for_connection(timeout=timeout):
            return None
        try:
            answer = channel.get_with_metadata(
                timeout=max(deadline - time.monotonic(), 0.1), use_monitor=False, form="time"
            )
        except CA_FAULTS:
            return None
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


def _nanoseconds(answer: dict[str, Any]) -> int:
    seconds = int(answer["posixseconds"])
    return seconds * 10**9 + int(answer["nanoseconds"]) if seconds > _EPICS_EPOCH else 0


def _facts(pv: epics.PV) -> Facts:
    kind = str(pv.type)
    if kind.endswith("string") or (pv.count is not None and pv.count > 1):
        return Facts()
    controls = pv.get_ctrlvars(timeout=_FACTS_S, warn=False) or {}
    if kind.endswith("enum"):
        return Facts(units="", labels=tuple(_text(label) for label in controls.get("enum_strs", ())))
    return Facts(units=_text(controls.get("units") or "") or None)


def _text(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _scalar(value: Any) -> int | float | str:
    return value if isinstance(value, int | float | str) else str(value)
