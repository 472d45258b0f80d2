"""The page of detectors: a row each."""

from __future__ import annotations

from beamsession.faces.phoebus.drawing import GAP, ROW, TITLE_BAR, Display, Place
from beamsession.faces.phoebus.main_screen import PAGE_HEIGHT, PAGE_WIDTH
from beamsession.faces.phoebus.site import Site

_COLUMNS = {"Name": 300, "State": 150, "Expected": 150, "Received": 150, "Written": 150, "Missing": 150}
_FIRST = 34


def detectors(site: Site) -> Display:
    """All detectors that have PVs; more than fit make the page longer, and Phoebus scrolls it."""
    rows = site.shown_detectors
    needed = _FIRST + rows * (ROW + 4) + TITLE_BAR + GAP
    height = max(PAGE_HEIGHT, needed + 2 * GAP)
    display = Display(site, "Detectors", PAGE_WIDTH, height)
    box = display.group("Detectors", Place(GAP, GAP, PAGE_WIDTH - 2 * GAP, height - 2 * GAP))
    x = GAP
    for name, width in _COLUMNS.items():
        box.label(name, Place(x, 6, width, 22), font="DefaultBold")
        for row in range(rows):
            place = Place(x, _FIRST + row * (ROW + 4), width)
            pv = f"Det{row + 1}:{name}"
            if name == "State":
                box.lamp(pv, place)
            else:
                box.value(pv, place, at_right=name != "Name")
        x += width + GAP
    return display
