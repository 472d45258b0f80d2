"""Which colour means what: names that every Phoebus defines (`color.def`), so that a site's own colours are taken over.

Colour is for what needs eyes: the alarm colours for alarms only, `OK` where acquisition goes on, `Attention` where
something is under way. All that is as it should be has the colour of a button.
"""

from __future__ import annotations

CALM = "Button_Background"
ACTIVE = "OK"
ATTENTION = "Attention"
MINOR = "MINOR"
MAJOR = "MAJOR"
INVALID = "INVALID"
TEXT = "Text"
PAPER = "Background"
HEADER = "Header_Background"
HEADER_TEXT = "Header_ForeGround"

STATE_COLOURS: dict[str, dict[str, str]] = {
    "SessionState": {"STARTED": ACTIVE, "PAUSED": ATTENTION, "COMPLETING": ATTENTION},
    "RunState": {
        "PREPARING": ATTENTION,
        "RECORDING": ACTIVE,
        "PAUSED": ATTENTION,
        "DRAINING": ATTENTION,
        "INCOMPLETE": MAJOR,
        "ABORTED": MINOR,
        "FAILED": MAJOR,
        "LOST": INVALID,
    },
    "State": {"RUNNING": ACTIVE, "ALARM": MAJOR, "FAULT": MAJOR, "INIT": ATTENTION, "UNKNOWN": INVALID},
    "AlarmSeverity": {"MINOR": MINOR, "MAJOR": MAJOR, "INVALID": INVALID},
    "CommandStatus": {"BUSY": ATTENTION, "FAILED": MAJOR},
    "Connected": {"Disconnected": MAJOR},
    "Detector": {"WAITING": ATTENTION, "RECORDING": ACTIVE, "INCOMPLETE": MAJOR},
}
"""Choices that have a colour of their own, by the PV's name without its detector; all others are calm."""


def state_colours(pv_name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The name of the colour of each choice of an enumeration."""
    colours = STATE_COLOURS["Detector" if ":" in pv_name else pv_name]
    return tuple(colours.get(choice, CALM) for choice in choices)
