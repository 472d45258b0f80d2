"""The page to start a session, and to add to the open one."""

from __future__ import annotations

from beamsession.faces.phoebus.drawing import GAP, STEP, Display, Panel, Place
from beamsession.faces.phoebus.main_screen import PAGE_HEIGHT, PAGE_WIDTH
from beamsession.faces.phoebus.overview import lines, session_buttons
from beamsession.faces.phoebus.site import Site

_LABEL = 90


def session_form(site: Site) -> Display:
    """Left the inputs of Start, right what the open session has, below it what can be added."""
    display = Display(site, "Session", PAGE_WIDTH, PAGE_HEIGHT)
    half = (PAGE_WIDTH - 3 * GAP) // 2
    _next(display.group("Next session", Place(GAP, GAP, half, PAGE_HEIGHT - 2 * GAP)))
    open_one = Place(2 * GAP + half, GAP, half, 326)
    _open(display.group("Open session", open_one))
    _add(display.group("Add to it", Place(open_one.x, open_one.below, half, PAGE_HEIGHT - open_one.below - GAP)))
    return display


def _next(box: Panel) -> None:
    width = box.width - 2 * GAP
    y = 6
    for title, name in {"Name": "SessionName", "Title": "SessionTitle", "Proposal": "Proposal"}.items():
        box.label(title, Place(GAP, y, _LABEL))
        box.entry(name, Place(GAP + _LABEL, y, width - _LABEL))
        y += STEP
    buttons = box.height - GAP - 32
    help_text = buttons - 30
    box.label("Metadata", Place(GAP, y, _LABEL))
    box.entry("Metadata", Place(GAP + _LABEL, y, width - _LABEL, help_text - y - 6))
    box.label(
        'A JSON object: {"sample": "LaB6"}. Ctrl-Enter sends it.',
        Place(GAP + _LABEL, help_text, width - _LABEL),
        font="Comment",
    )
    session_buttons(box, buttons)


def _open(box: Panel) -> None:
    width = box.width - 2 * GAP
    names = {
        "Name": "SessionName_RBV",
        "Title": "SessionTitle_RBV",
        "Proposal": "Proposal_RBV",
        "Started": "StartTime",
        "Folder": "Root",
    }
    y = lines(box, names, GAP, 6, _LABEL, width)
    box.label("Metadata", Place(GAP, y, _LABEL))
    box.value("Metadata_RBV", Place(GAP + _LABEL, y, width - _LABEL, box.height - y - GAP))


def _add(box: Panel) -> None:
    width = box.width - 2 * GAP
    y = 6
    for title, name in {"Comment": "Comment", "File": "AddFile", "Metadata": "SetMetadata"}.items():
        box.label(title, Place(GAP, y, _LABEL))
        box.entry(name, Place(GAP + _LABEL, y, width - _LABEL), box.site.pvs[name].verb)
        y += STEP
    box.label(
        "Enter adds it: a text; the path of a file or folder; a JSON object of some keys.",
        Place(GAP + _LABEL, y - 4, width - _LABEL, 22),
        font="Comment",
    )
