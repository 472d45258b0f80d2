"""The frame of all pages: how session and run stand at the top, tabs, and the last command's outcome at the bottom."""

from __future__ import annotations

from beamsession.faces.phoebus import palette
from beamsession.faces.phoebus.drawing import GAP, ROW, Display, Place
from beamsession.faces.phoebus.site import Site

MAIN = "beamsession.bob"
PAGES = {
    "Overview": "overview.bob",
    "Session": "session.bob",
    "Runs": "runs.bob",
    "Detectors": "detectors.bob",
    "Alarms": "alarms.bob",
}
"""File of each page by the title of its tab."""
WIDTH = 1240
PAGE_WIDTH = WIDTH - 16
PAGE_HEIGHT = 512
_HEADER = 46
_TAB = 30
_FRAME = 12
"""What the tabs' own borders and padding take."""


def main_screen(site: Site) -> Display:
    """The display to open."""
    tabs = Place(0, _HEADER, WIDTH, _TAB + PAGE_HEIGHT + _FRAME)
    footer = Place(GAP, tabs.below, WIDTH - 2 * GAP, 92)
    display = Display(site, f"beamsession {site.instrument}", WIDTH, footer.below)
    display.macros()
    _header(display)
    display.tabs(PAGES, tabs, _TAB)
    _footer(display, footer)
    return display


def _header(display: Display) -> None:
    display.bar(Place(0, 0, WIDTH, _HEADER))
    y = (_HEADER - ROW) // 2
    display.label(display.site.instrument, Place(12, y, 240), font="Header2", colour=palette.HEADER_TEXT)
    x = 270
    for title, width, name in (
        ("Manager", 70, "Connected"),
        ("Session", 62, "SessionState"),
        ("Run", 36, "RunState"),
        ("Alarms", 58, "AlarmSeverity"),
    ):
        display.label(title, Place(x, y, width), colour=palette.HEADER_TEXT)
        display.lamp(name, Place(x + width, y, 130))
        x += width + 130 + 24


def _footer(display: Display, place: Place) -> None:
    box = display.group("Last command", place)
    box.lamp("CommandStatus", Place(GAP, 6, 100))
    box.value("CommandName", Place(116, 6, 150), font="DefaultBold")
    box.value("CommandClient", Place(GAP, 38, 258))
    box.value("CommandMessage", Place(276, 6, box.width - 276 - GAP, 58))
