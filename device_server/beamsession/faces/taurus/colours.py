"""Colours of states and severities; a word always stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

from beamsession.model.alarms import Severity
from beamsession.model.states import RunState, SessionState


@dataclass(frozen=True)
class Colours:
    """Ground and writing, as `#rrggbb`; dark enough against each other to be read."""

    ground: str
    writing: str

    @property
    def style(self) -> str:
        """As a style sheet writes it."""
        return f"background-color: {self.ground}; color: {self.writing};"


_QUIET = Colours("#e4e7eb", "#333a44")
_GOOD = Colours("#c9ead0", "#0d4a1e")
_BUSY = Colours("#cfe3fa", "#0b3d75")
_WARN = Colours("#fdebb3", "#5f4300")
_BAD = Colours("#f8cfcc", "#7a1510")
_UNKNOWN = Colours("#ecd3f2", "#5b1670")

_SESSION = {
    SessionState.STARTED: _GOOD,
    SessionState.PAUSED: _WARN,
    SessionState.COMPLETING: _BUSY,
}
_RUN = {
    RunState.PREPARING: _BUSY,
    RunState.RECORDING: _BUSY,
    RunState.PAUSED: _WARN,
    RunState.DRAINING: _BUSY,
    RunState.COMPLETED: _GOOD,
    RunState.INCOMPLETE: _BAD,
    RunState.ABORTED: _WARN,
    RunState.FAILED: _BAD,
    RunState.LOST: _UNKNOWN,
}
_SEVERITY = {Severity.MINOR: _WARN, Severity.MAJOR: _BAD, Severity.INVALID: _UNKNOWN}
_DEVICE = {"ON": _GOOD, "RUNNING": _BUSY, "ALARM": _WARN, "FAULT": _BAD, "INIT": _WARN, "UNKNOWN": _UNKNOWN}


def of_session(state: SessionState) -> Colours:
    """Of the life of a session."""
    return _SESSION.get(state, _QUIET)


def of_run(state: RunState) -> Colours:
    """Of a run or its verdict."""
    return _RUN.get(state, _QUIET)


def of_severity(severity: Severity) -> Colours:
    """Of an alarm."""
    return _SEVERITY.get(severity, _GOOD)


def of_device(state: str) -> Colours:
    """Of the State of a Tango device."""
    return _DEVICE.get(state, _QUIET)
