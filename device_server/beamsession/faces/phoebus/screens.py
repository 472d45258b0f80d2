"""All displays of one beamline, by the names of their files."""

from __future__ import annotations

from beamsession.faces.phoebus.alarms import alarms
from beamsession.faces.phoebus.detectors import detectors
from beamsession.faces.phoebus.drawing import Display
from beamsession.faces.phoebus.main_screen import MAIN, PAGES, main_screen
from beamsession.faces.phoebus.overview import overview
from beamsession.faces.phoebus.runs import runs
from beamsession.faces.phoebus.session_form import session_form
from beamsession.faces.phoebus.site import Site

_PAGES = {"Overview": overview, "Session": session_form, "Runs": runs, "Detectors": detectors, "Alarms": alarms}


def screens(site: Site) -> dict[str, Display]:
    """`beamsession.bob` is the one to open; the others are its tabs."""
    return {MAIN: main_screen(site), **{PAGES[title]: page(site) for title, page in _PAGES.items()}}
