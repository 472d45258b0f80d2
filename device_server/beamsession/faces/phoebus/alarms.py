"""The page of problems: alarms, the manager's own words, and how the bridge is."""

from __future__ import annotations

from beamsession.faces.phoebus.drawing import GAP, STEP, Display, Panel, Place
from beamsession.faces.phoebus.main_screen import PAGE_HEIGHT, PAGE_WIDTH
from beamsession.faces.phoebus.overview import lines
from beamsession.faces.phoebus.site import Site

_LABEL = 110


def alarms(site: Site) -> Display:
    """Left what is wrong, right the state of manager and bridge."""
    display = Display(site, "Alarms", PAGE_WIDTH, PAGE_HEIGHT)
    half = (PAGE_WIDTH - 3 * GAP) // 2
    _alarms(display.group("Alarms", Place(GAP, GAP, half, PAGE_HEIGHT - 2 * GAP)))
    manager = Place(2 * GAP + half, GAP, half, 320)
    _manager(display.group("Manager", manager))
    _bridge(display.group("Bridge", Place(manager.x, manager.below, half, PAGE_HEIGHT - manager.below - GAP)))
    return display


def _alarms(box: Panel) -> None:
    box.lamp("AlarmSeverity", Place(GAP, 6, 130))
    box.value("AlarmCount", Place(GAP + 138, 6, 60), at_right=True)
    box.label("problems, the worst first", Place(GAP + 206, 6, 200))
    box.button("AcknowledgeAlarm", "Acknowledge", Place(box.width - GAP - 130, 4, 130, 30))
    y = 6 + STEP + 4
    box.value("Alarms", Place(GAP, y, box.width - 2 * GAP, box.height - y - 34))
    box.label(
        "Acknowledge clears what an unhappy run and failed hooks left. All others go when their cause has gone.",
        Place(GAP, box.height - 28, box.width - 2 * GAP, 22),
        font="FinePrint",
    )


def _manager(box: Panel) -> None:
    width = box.width - 2 * GAP
    box.label("State", Place(GAP, 6, _LABEL))
    box.lamp("State", Place(GAP + _LABEL, 6, 130))
    y = 6 + STEP
    box.label("Status", Place(GAP, y, _LABEL))
    box.value("Status", Place(GAP + _LABEL, y, width - _LABEL, 116))
    y += 122
    box.label("Last refusal", Place(GAP, y, _LABEL))
    box.value("LastError", Place(GAP + _LABEL, y, width - _LABEL, 60))
    y += 66
    lines(box, {"Version": "Version", "Events": "EventCount"}, GAP, y, _LABEL, width)


def _bridge(box: Panel) -> None:
    box.label("Manager", Place(GAP, 6, _LABEL))
    box.lamp("Connected", Place(GAP + _LABEL, 6, 130))
    lines(box, {"Heartbeat": "Heartbeat", "Clients": "ClientCount"}, GAP, 6 + STEP, _LABEL, 240)
