"""What the panel knows of its manager at one moment."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beamsession.model.alarms import Severity
from beamsession.model.definition import MetadataKey
from beamsession.model.situation import Situation, situation
from beamsession.model.states import RunState, SessionState

STATE = "State"
EXACT = ("SessionName", "SessionTitle", "Proposal", "Alarms", "Status")
"""Attributes whose text Tango may have to spell out; their exact text comes from elsewhere."""


@dataclass(frozen=True)
class AlarmLine:
    """One problem, as it is shown."""

    severity: Severity
    sentence: str
    code: str = ""


@dataclass(frozen=True)
class Scene:
    """An immutable picture: `values` are the device's attributes, the rest its exact records as JSON.

    `fault` says in a sentence why the manager is not heard; what was known last stays. `trouble` is why one that is
    heard cannot work (its State is FAULT or INIT, its store is away). `session` is the open session,
    or without one the session completed last; `runs` are its newest, newest first.
    """

    connected: bool = False
    fault: str = "No session manager is chosen."
    trouble: str = ""
    address: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    session: Mapping[str, Any] = field(default_factory=dict[str, Any])
    runs: tuple[Mapping[str, Any], ...] = ()
    keys: tuple[MetadataKey, ...] = ()
    detectors: tuple[str, ...] = ()
    docs: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def device_state(self) -> str:
        """The Tango device's State as a word; UNKNOWN where it is not heard."""
        return str(self.values.get(STATE, "UNKNOWN")) if self.connected else "UNKNOWN"

    @property
    def session_state(self) -> SessionState:
        """Life of the open session; NONE without one."""
        return _member(list(SessionState), self.values.get("SessionState"))

    @property
    def run_state(self) -> RunState:
        """State of the newest run."""
        return _member(list(RunState), self.values.get("RunState"))

    @property
    def situation(self) -> Situation:
        """What decides which commands are allowed."""
        return situation(self.session_state, self.run_state if self.run_state.is_live else RunState.NONE)

    @property
    def is_open(self) -> bool:
        """Whether a session is open."""
        return self.session_state.is_open

    @property
    def session_id(self) -> int:
        """Id of the open session, 0 without one."""
        return self.whole("SessionId")

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the open session; empty without one."""
        return dict(self.session.get("metadata") or {}) if self.session_id else {}

    @property
    def alarms(self) -> tuple[AlarmLine, ...]:
        """All problems, the worst first."""
        if "AlarmDetails" in self.values:
            told = json.loads(self.values["AlarmDetails"] or "[]")
            return tuple(AlarmLine(Severity[item["severity"]], item["sentence"], item["code"]) for item in told)
        worst = Severity(self.whole("AlarmSeverity"))  # a manager of an earlier version
        return tuple(AlarmLine(worst, sentence) for sentence in self.values.get("Alarms") or ())

    @property
    def live_run(self) -> Mapping[str, Any] | None:
        """The run of `runs` that is being recorded, None without one."""
        number = self.whole("RunNumber")
        live = self.run_state.is_live and self.session_id
        return next((run for run in self.runs if live and run["number"] == number), None)

    def whole(self, name: str) -> int:
        """A whole number among the attributes; 0 where there is none."""
        value = self.values.get(name)
        return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0

    def real(self, name: str) -> float:
        """A number among the attributes; NaN where there is none."""
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) else math.nan

    def text(self, name: str) -> str:
        """A text among the attributes; empty where there is none."""
        return str(self.values.get(name) or "")


def _member(members: list[Any], index: object) -> Any:
    return members[index] if isinstance(index, int) and 0 <= index < len(members) else members[0]
