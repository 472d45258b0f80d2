"""When a button can be pressed: rules for Phoebus, made from the one table of commands and situations.

A rule's expression is written with `&&`, `||`, `==`, `!=` and brackets only, which Phoebus and its web runtimes
understand alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from beamsession.faces.epics.layout import OUTCOMES
from beamsession.model.situation import Allowed, Command, entry, situation
from beamsession.model.states import RunState, SessionState

_RUN_STATES = tuple(RunState)


@dataclass(frozen=True)
class Enabling:
    """An expression that is true when a button can be pressed; `pvInt0` in it is the value of the first of `pvs`."""

    pvs: tuple[str, ...]
    expression: str


def enabling(verb: str) -> Enabling:
    """When the bridge and the manager take the command of this verb: one at a time, and in a fitting state."""
    ready = "pvInt0 == 1"  # Connected
    idle = f"pvInt1 != {OUTCOMES.index('BUSY')}"
    pvs = ("Connected", "CommandStatus")
    if verb not in tuple(Command):
        return Enabling(pvs, f"{ready} && {idle}")
    command = Command(verb)
    states = _states(command)
    if command is Command.CANCEL:
        return Enabling((*pvs, "SessionState", "RunState", "RunCount"), f"{ready} && {idle} && {states} && pvInt4 == 0")
    if states == "":
        return Enabling(pvs, f"{ready} && {idle}")
    return Enabling((*pvs, "SessionState", "RunState"), f"{ready} && {idle} && {states}")


def allowed(command: Command, session: SessionState, run: RunState) -> bool:
    """Whether the table lets the command act when session and run are shown to stand so."""
    return isinstance(entry(command, situation(session, run)), Allowed)


def _states(command: Command) -> str:
    """The pairs of SessionState (pvInt2) and RunState (pvInt3) in which the command acts; empty if it always does."""
    alternatives: dict[str, list[int]] = {}
    for index, session in enumerate(SessionState):
        runs = [number for number, run in enumerate(_RUN_STATES) if allowed(command, session, run)]
        if runs:
            alternatives.setdefault(_run_condition(runs), []).append(index)
    if list(alternatives.items()) == [("", list(range(len(SessionState))))]:
        return ""
    parts = [_joined(_session_condition(sessions), runs) for runs, sessions in alternatives.items()]
    return parts[0] if len(parts) == 1 else f"({' || '.join(f'({part})' for part in parts)})"


def _session_condition(sessions: list[int]) -> str:
    choices = " || ".join(f"pvInt2 == {session}" for session in sessions)
    return f"({choices})" if len(sessions) > 1 else choices


def _run_condition(runs: list[int]) -> str:
    others = [number for number in range(len(_RUN_STATES)) if number not in runs]
    if not others:
        return ""
    if len(others) < len(runs):
        return " && ".join(f"pvInt3 != {number}" for number in others)
    choices = " || ".join(f"pvInt3 == {number}" for number in runs)
    return f"({choices})" if len(runs) > 1 else choices


def _joined(session: str, runs: str) -> str:
    return f"{session} && {runs}" if runs else session
