"""Which commands the panel offers now, and why not the others: read from the model's table of situations."""

from __future__ import annotations

from dataclasses import dataclass

from beamsession.faces.taurus.scene import Scene
from beamsession.model.situation import Allowed, Command, entry

ACKNOWLEDGE = "alarm_acknowledge"
CHECK_RUN = "run_check"
_ACKNOWLEDGED = ("RUN_INCOMPLETE", "RUN_FAILED", "RUN_ABORTED", "HOOK_FAILED")


@dataclass(frozen=True)
class Offer:
    """Whether a command can be given; `why` says what it does, or why it cannot and what to do."""

    enabled: bool
    why: str


def offer(command: Command | str, scene: Scene, *, busy: str = "") -> Offer:
    """What becomes of `command` in `scene`; `busy` is what is being done at this moment, in words."""
    if not scene.connected:
        return Offer(False, scene.fault)
    if busy:
        return Offer(False, f"{busy} …")
    if command == ACKNOWLEDGE:
        return _acknowledge(scene)
    return _by_table(Command.START_RUN if command == CHECK_RUN else Command(command), scene)


def question(command: Command, scene: Scene) -> str:
    """What to ask before `command` is given, as it takes something away; empty where nothing is asked."""
    name = f"session {scene.session_id} '{scene.session.get('name', '')}'"
    is_live = scene.run_state.is_live
    match command:
        case Command.COMPLETE:
            ending = " Its open run is ended first, all its frames are written." if is_live else ""
            return f"Complete {name}?{ending} It then goes its way to the catalogue."
        case Command.CANCEL:
            return f"Cancel {name}? Its folder is removed; its number is not used again."
        case Command.ABORT_RUN:
            number = scene.whole("RunNumber")
            return f"Abort run {number}? Frames that are not yet written are lost. StopRun would write them."
        case Command.START if scene.is_open:
            effect = entry(command, scene.situation)
            return f"A session is open: {effect.effect}." if isinstance(effect, Allowed) else ""
        case _:
            return ""


def _by_table(command: Command, scene: Scene) -> Offer:
    found = entry(command, scene.situation)
    if not isinstance(found, Allowed):
        return Offer(False, f"{found.sentence} {found.remedy}")
    if command is Command.CANCEL and (runs := int(scene.session.get("last_run_number") or 0)):
        return Offer(False, f"The session has had {runs} {'run' if runs == 1 else 'runs'}. Complete it with Complete.")
    return Offer(True, f"{found.effect[0].upper()}{found.effect[1:]}.")


def _acknowledge(scene: Scene) -> Offer:
    if any(alarm.code in _ACKNOWLEDGED or not alarm.code for alarm in scene.alarms):
        return Offer(True, "I have seen how the last run, or a hook, ended: these alarms go.")
    return Offer(False, "There is no alarm to acknowledge: others go by themselves when their cause is gone.")
