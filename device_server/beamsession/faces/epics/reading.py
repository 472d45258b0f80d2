"""From an attribute as Tango tells it to the PVs that show it: values, severities, time stamps."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tango

from beamsession.faces.epics.layout import DETECTOR_STATES, DEVICE_STATES, SEVERITIES
from beamsession.faces.epics.pv import Kind, Pv
from beamsession.model.states import RunState, SessionState

ACCOUNTS = "Completeness"
"""The attribute with each detector's account, from which the detector PVs are made."""
FAST = ("ReceivedFrames", "WrittenFrames", "DataRate", "Progress", "DiskMinutesLeft", ACCOUNTS)
"""Attributes that change with every frame; their PVs follow at 10 Hz."""
CLOSING = ("SessionState", "RunState", "EventCount")
"""Attributes that say what became of a command or run; pushed in this order, after all others. Who sees them sees the
counts that they close."""

_QUALITIES = {
    tango.AttrQuality.ATTR_VALID: 0,
    tango.AttrQuality.ATTR_CHANGING: 0,
    tango.AttrQuality.ATTR_WARNING: 1,
    tango.AttrQuality.ATTR_ALARM: 2,
    tango.AttrQuality.ATTR_INVALID: 3,
}
_LABELS: dict[str, tuple[str, ...]] = {
    "State": DEVICE_STATES,
    "SessionState": tuple(state.value for state in SessionState),
    "RunState": tuple(state.value for state in RunState),
    "AlarmSeverity": SEVERITIES,
}


@dataclass(frozen=True)
class Reading:
    """An attribute's value: enumerations as labels, text exact where it is JSON; None where it cannot be read.

    `severity` follows from its quality, `at` is the server's time, s since 1970.
    """

    name: str
    value: Any
    severity: int
    at: float


@dataclass(frozen=True)
class Shown:
    """What a PV is to show."""

    name: str
    value: Any
    severity: int
    at: float


def reading(name: str, attribute: Any) -> Reading:
    """The reading in what an event brings or a read returns."""
    at = attribute.time.totime()
    if attribute.has_failed or attribute.quality is tango.AttrQuality.ATTR_INVALID:
        return Reading(name, None, 3, at)
    value = attribute.value
    if name in _LABELS:
        value = _LABELS[name][int(value)]
    elif name == "SessionIds":
        value = [] if value is None else [int(item) for item in value]
    elif name == "Alarms":
        value = list(value or ())
    elif hasattr(value, "item"):
        value = value.item()
    return Reading(name, value, _QUALITIES[attribute.quality], at)


class Translation:
    """Which PVs show which attribute, and how."""

    def __init__(self, pvs: Iterable[Pv], detectors: tuple[str, ...]) -> None:
        self._shows: dict[str, list[Pv]] = defaultdict(list)
        for pv in pvs:
            if pv.attribute:
                self._shows[pv.attribute].append(pv)
        self._detectors = detectors

    @property
    def attributes(self) -> list[str]:
        """The attributes to hear, in the order in which they are pushed."""
        names = {*self._shows, ACCOUNTS} - set(CLOSING)
        return [*sorted(names), *CLOSING]

    def shown(self, read: Reading) -> list[Shown]:
        """What the PVs of this attribute show now."""
        return [_shown(pv, read) for pv in self._shows.get(read.name, ())]

    def detectors(self, heard: Mapping[str, Any], read: Reading, part_of_run: tuple[str, ...]) -> list[Shown]:
        """What the detector PVs show; `part_of_run` are the detectors of the newest run."""
        accounts = {item["detector"]: item for item in json.loads(read.value or "[]")}
        state = RunState(heard.get("RunState") or "NONE")
        found: list[Shown] = []
        for number, name in enumerate(self._detectors, start=1):
            account = accounts.get(name, {})
            missing = account.get("missing") or 0
            values = {
                "Name": name,
                "State": _detector_state(account, state, name in part_of_run),
                "Expected": account.get("expected") or 0,
                "Received": account.get("received") or 0,
                "Written": account.get("written") or 0,
                "Missing": missing,
            }
            for field, value in values.items():
                severity = 2 if (field == "Missing" and missing) or value == "INCOMPLETE" else 0
                found.append(Shown(f"Det{number}:{field}", value, severity, read.at))
        return found


def _detector_state(account: Mapping[str, Any], state: RunState, is_part: bool) -> str:
    if state is RunState.NONE or not (account or is_part):
        return DETECTOR_STATES[0]
    if not state.is_verdict:
        return "RECORDING" if account.get("received") else "WAITING"
    whole = account and not account.get("missing") and state is not RunState.FAILED
    return "COMPLETED" if whole else "INCOMPLETE"


def _shown(pv: Pv, read: Reading) -> Shown:
    value, severity = read.value, read.severity
    if value is None:
        return Shown(pv.name, None, 3, read.at)
    if pv.name == "AlarmCount":
        value = len(value)
    elif pv.kind is Kind.TEXT and isinstance(value, list):
        value = "\n".join(value)
    elif pv.kind is Kind.DOUBLE:
        value = float(value)
    if pv.severities:
        severity = max(severity, SEVERITIES.index(pv.severities[pv.choices.index(value)]))
    return Shown(pv.name, value, severity, read.at)
