"""The one table, commands x situations: what is allowed when, what it does, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beamsession.model.errors import WrongStateError
from beamsession.model.states import RunState, SessionState


class Situation(StrEnum):
    """Everything about session and run that decides whether a command is allowed."""

    NO_SESSION = "no session"
    COMPLETING = "completing"
    STARTED = "started"
    RUN_OPEN = "started, run open"
    DRAINING = "started, run draining"
    RUN_LOST = "started, run lost"
    PAUSED = "paused"
    PAUSED_RUN_OPEN = "paused, run open"
    PAUSED_DRAINING = "paused, run draining"
    PAUSED_RUN_LOST = "paused, run lost"


class Command(StrEnum):
    """The commands that depend on the situation, by the names of their verbs."""

    START = "session_start"
    RESTART = "session_restart"
    PAUSE = "session_pause"
    RESUME = "session_resume"
    COMPLETE = "session_complete"
    CANCEL = "session_cancel"
    ADD_FILE = "file_add"
    COMMENT = "comment_add"
    SET_METADATA = "metadata_set"
    START_RUN = "run_start"
    STOP_RUN = "run_stop"
    ABORT_RUN = "run_abort"
    REGISTER_RUN = "run_register"


@dataclass(frozen=True)
class Allowed:
    """The command acts; `effect` says how."""

    effect: str


@dataclass(frozen=True)
class Refused:
    """The command is refused; why, and what to do."""

    sentence: str
    remedy: str


Entry = Allowed | Refused

_NO_SESSION = Refused("No session is open.", "Start one with Start.")
_NO_RUN = Refused("No run is open.", "Start one with StartRun.")
_DRAINING = Refused(
    "The run is already ending: its last frames are being written.", "Wait for its verdict in RunState."
)
_RUN_LIVE = Refused("A run is still open.", "Stop it with StopRun, or discard it with AbortRun.")
_WAIT_DRAINED = Refused("The last run is still being written.", "Wait until RunState shows its verdict.")
_PAUSED = Refused("The session is paused.", "Resume it with Resume.")
_LOST = Refused(
    "The recorder of the open run cannot be reached.", "Bring the recorder back, or give the run up with AbortRun."
)
_COMPLETING = Refused("The session is completing: its last run is being written.", "Wait until it is completed.")

_RUN_OF = {
    Situation.RUN_OPEN: "open",
    Situation.PAUSED_RUN_OPEN: "open",
    Situation.DRAINING: "draining",
    Situation.PAUSED_DRAINING: "draining",
    Situation.RUN_LOST: "lost",
    Situation.PAUSED_RUN_LOST: "lost",
    Situation.COMPLETING: "draining",
}
_STARTED = (Situation.STARTED, Situation.RUN_OPEN, Situation.DRAINING, Situation.RUN_LOST)
_PAUSED_ONES = (
    Situation.PAUSED,
    Situation.PAUSED_RUN_OPEN,
    Situation.PAUSED_DRAINING,
    Situation.PAUSED_RUN_LOST,
)
_OPEN = _STARTED + _PAUSED_ONES


def _start(situation: Situation) -> Entry:
    if situation not in _OPEN:
        return Allowed("a session is started")
    if situation in _RUN_OF:
        return Allowed("the open run drains, its session completes when it has; a new session is started at once")
    return Allowed("the open session completes (is cancelled if nothing was put in it); a new session is started")


def _restart(situation: Situation) -> Entry:
    if situation not in _OPEN:
        return Allowed("a completed session is open again")
    if situation in _RUN_OF:
        return Allowed("the open run drains, its session completes when it has; the completed session is open again")
    return Allowed("the open session completes (is cancelled if it is empty); the completed one is open again")


def _pause(situation: Situation) -> Entry:
    if situation in _PAUSED_ONES:
        return Refused("The session is already paused.", "Resume it with Resume.")
    if situation not in _OPEN:
        return _NO_SESSION
    return Allowed("the session is paused; frames of an open run are gated")


def _resume(situation: Situation) -> Entry:
    if situation in _PAUSED_ONES:
        return Allowed("the session goes on, also its open run")
    return Refused("The session is not paused.", "Nothing needs to be done.") if situation in _OPEN else _NO_SESSION


def _complete(situation: Situation) -> Entry:
    if situation is Situation.COMPLETING:
        return _COMPLETING
    if situation not in _OPEN:
        return _NO_SESSION
    if situation in _RUN_OF:
        return Allowed("the run drains (state COMPLETING), then the session completes")
    return Allowed("the session completes")


def _cancel(situation: Situation) -> Entry:
    if situation not in _OPEN:
        return _NO_SESSION
    return _RUN_LIVE if situation in _RUN_OF else Allowed("a session without runs is cancelled, its folder removed")


def _any_open(effect: str, situation: Situation) -> Entry:
    return Allowed(effect) if situation in _OPEN else _NO_SESSION


def _start_run(situation: Situation) -> Entry:
    if situation is Situation.COMPLETING:
        return _COMPLETING
    if situation not in _OPEN:
        return _NO_SESSION
    if situation in _PAUSED_ONES:
        return _PAUSED
    live = {"open": _RUN_LIVE, "draining": _WAIT_DRAINED, "lost": _LOST}.get(_RUN_OF.get(situation, ""))
    return live or Allowed("a run is prepared and recorded")


def _register_run(situation: Situation) -> Entry:
    if situation in _PAUSED_ONES:
        return _PAUSED
    return _any_open("the file is registered as a run", situation)


def _stop_run(situation: Situation) -> Entry:
    run = _RUN_OF.get(situation)
    if run is None:
        return _NO_RUN
    return _DRAINING if run == "draining" else Allowed("the run drains and ends with its verdict")


def _abort_run(situation: Situation) -> Entry:
    run = _RUN_OF.get(situation)
    if run is None:
        return _NO_RUN
    if run == "lost":
        return Allowed("the run ends ABORTED; its file is left as it is until its recorder is back")
    return Allowed("frames not yet written are dropped, the run ends ABORTED")


def entry(command: Command, situation: Situation) -> Entry:
    """What `command` does in `situation`, or why it is refused."""
    match command:
        case Command.START:
            return _start(situation)
        case Command.RESTART:
            return _restart(situation)
        case Command.PAUSE:
            return _pause(situation)
        case Command.RESUME:
            return _resume(situation)
        case Command.COMPLETE:
            return _complete(situation)
        case Command.CANCEL:
            return _cancel(situation)
        case Command.ADD_FILE:
            return _any_open("the file belongs to the session", situation)
        case Command.COMMENT:
            return _any_open("the comment is kept with the session", situation)
        case Command.SET_METADATA:
            return _any_open("the session's metadata change", situation)
        case Command.START_RUN:
            return _start_run(situation)
        case Command.STOP_RUN:
            return _stop_run(situation)
        case Command.ABORT_RUN:
            return _abort_run(situation)
        case Command.REGISTER_RUN:
            return _register_run(situation)


def require(command: Command, situation: Situation) -> None:
    """Raise WrongStateError with sentence and remedy unless `command` is allowed in `situation`."""
    answer = entry(command, situation)
    if isinstance(answer, Refused):
        raise WrongStateError(answer.sentence, value=situation.value, remedy=answer.remedy)


def situation(session: SessionState, run: RunState) -> Situation:
    """The situation that an open (or completing, or no) session and its live (or no) run make."""
    if session is SessionState.COMPLETING:
        return Situation.COMPLETING
    if not session.is_open:
        return Situation.NO_SESSION
    paused = session is SessionState.PAUSED
    if run is RunState.LOST:
        return Situation.PAUSED_RUN_LOST if paused else Situation.RUN_LOST
    if run is RunState.DRAINING:
        return Situation.PAUSED_DRAINING if paused else Situation.DRAINING
    if run.is_live:
        return Situation.PAUSED_RUN_OPEN if paused else Situation.RUN_OPEN
    return Situation.PAUSED if paused else Situation.STARTED
