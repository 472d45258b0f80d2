"""The alarm server's configuration: which PVs alarm, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from beamsession.faces.phoebus.main_screen import MAIN, PAGES
from beamsession.faces.phoebus.site import Site


@dataclass(frozen=True)
class Alarm:
    """One PV of the tree. It is shown when it has alarmed for `delay` seconds; latching: until it is acknowledged."""

    description: str
    guidance: str
    page: str
    delay: int = 0
    latching: bool = False
    annunciating: bool = False


_TREE: dict[str, dict[str, Alarm]] = {
    "Run": {
        "RunState": Alarm(
            "The run did not end well",
            "Read the alarm on the screen: it says what is missing or went wrong. Decide whether the run is measured "
            "again, then press Acknowledge there.",
            "Alarms",
            latching=True,
            annunciating=True,
        ),
        "DroppedFrames": Alarm(
            "Frames of the run are lost",
            "Look on the page Detectors whose frames are missing. Its network, its queues or the data disk are too "
            "slow: record slower, or look at the recorder's host.",
            "Detectors",
            latching=True,
            annunciating=True,
        ),
    },
    "Disk": {
        "DiskFree": Alarm(
            "There is little room on the data disk",
            "Move or delete old data. No run can start once the disk is full.",
            "Overview",
            delay=10,
            annunciating=True,
        ),
        "DiskMinutesLeft": Alarm(
            "The data disk will soon be full",
            "At the present data rate the disk is full in the minutes shown. Free room now, or stop the run.",
            "Overview",
            delay=10,
            annunciating=True,
        ),
    },
    "Catalogue": {
        "IngestParked": Alarm(
            "Completed sessions do not get into the catalogue",
            "They wait for a person. `beamsession ingest list` says why, `beamsession ingest retry` tries again. "
            "Their data are safe, and new sessions are not held up.",
            "Overview",
            delay=60,
        ),
        "IngestOldestAge": Alarm(
            "A completed session is on its way to the catalogue for too long",
            "`beamsession ingest status` says whether the catalogue can be reached, and `beamsession ingest show` what "
            "the session waits for. Its data are safe.",
            "Overview",
            delay=60,
        ),
    },
    "Server": {
        "AlarmSeverity": Alarm(
            "The session manager reports a problem",
            "The page Alarms has it in sentences with what to do.",
            "Alarms",
            delay=5,
        ),
        "Connected": Alarm(
            "The session manager cannot be reached",
            "Screens and scans see no session. Is the server SessionManager running? Data that are being recorded are "
            "not touched by it.",
            "Alarms",
            delay=30,
            annunciating=True,
        ),
    },
}
NOT_IN_TREE = {"Alarms": "an array of characters, whose severity is that of AlarmSeverity"}
"""PVs that can alarm and are not in the tree, with the reason."""


def alarm_tree(site: Site) -> str:
    """XML that the alarm server imports; the configuration has the instrument's name."""
    config = Element("config", name=site.instrument)
    for title, alarms in _TREE.items():
        component = SubElement(config, "component", name=title)
        for name, alarm in alarms.items():
            _add(component, site, name, alarm)
    ElementTree.indent(config)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(config, encoding="unicode")}\n'


def _add(component: Element, site: Site, name: str, alarm: Alarm) -> None:
    pv = SubElement(component, "pv", name=site.expanded(name))
    facts = {
        "description": alarm.description,
        "enabled": "true",
        "latching": str(alarm.latching).lower(),
        "annunciating": str(alarm.annunciating).lower(),
        "delay": str(alarm.delay),
    }
    for tag, text in facts.items():
        SubElement(pv, tag).text = text
    _titled(pv, "guidance", "What to do", alarm.guidance)
    _titled(pv, "display", alarm.page, site.display(PAGES[alarm.page]))
    _titled(pv, "display", "Session", site.display(MAIN))


def _titled(pv: Element, tag: str, title: str, details: str) -> None:
    element = SubElement(pv, tag)
    SubElement(element, "title").text = title
    SubElement(element, "details").text = details
