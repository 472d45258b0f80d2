"""The page of runs: the newest ones, and the inputs of the next."""

from __future__ import annotations

from beamsession.faces.phoebus.drawing import GAP, STEP, Display, Panel, Place
from beamsession.faces.phoebus.main_screen import PAGE_HEIGHT, PAGE_WIDTH
from beamsession.faces.phoebus.overview import run_buttons
from beamsession.faces.phoebus.site import Site

_LABEL = 90


def runs(site: Site) -> Display:
    """Left the table, right the form."""
    display = Display(site, "Runs", PAGE_WIDTH, PAGE_HEIGHT)
    half = (PAGE_WIDTH - 3 * GAP) // 2
    x = 2 * GAP + half
    _table(display.group("Newest runs", Place(GAP, GAP, half, PAGE_HEIGHT - 2 * GAP)))
    form = Place(x, GAP, half, 330)
    _next(display.group("Next run", form))
    _register(display.group("A run that another program wrote", Place(x, form.below, half, 86)))
    return display


def _table(box: Panel) -> None:
    box.label("Run", Place(GAP, 6, 60), font="DefaultBold")
    box.label("State", Place(GAP + 64, 6, 80), font="DefaultBold")
    box.label("Title", Place(GAP + 164, 6, 120), font="DefaultBold")
    box.label("of session", Place(box.width - GAP - 170, 6, 74))
    box.value("RunsSession", Place(box.width - GAP - 90, 6, 90), at_right=True)
    y = 6 + STEP
    box.value("RunsText", Place(GAP, y, box.width - 2 * GAP, box.height - y - GAP), columns=True)


def _next(box: Panel) -> None:
    width = box.width - 2 * GAP
    y = 6
    for title, name in {"Title": "RunTitle", "Frames": "RunFrames", "Detectors": "RunDetectors"}.items():
        box.label(title, Place(GAP, y, _LABEL))
        box.entry(name, Place(GAP + _LABEL, y, width - _LABEL))
        y += STEP
    box.label(
        "Frames 0: until Stop run. Detectors empty: all; else names, blanks between.",
        Place(GAP + _LABEL, y - 4, width - _LABEL, 22),
        font="Comment",
    )
    y += 24
    run_buttons(box, y)
    box.button("CheckRun", "Check", Place(box.width - GAP - 104, y, 104, 32))
    y += 32 + 10
    box.label("What is in the way of a run, as of the last check:", Place(GAP, y, width - 70, 22))
    box.value("CheckRunCount", Place(box.width - GAP - 60, y, 60, 22), at_right=True)
    y += 24
    box.value("CheckRunMessage", Place(GAP, y, width, box.height - y - GAP))


def _register(box: Panel) -> None:
    box.label("File", Place(GAP, 6, _LABEL))
    box.entry("RegisterRun", Place(GAP + _LABEL, 6, box.width - _LABEL - 2 * GAP), box.site.pvs["RegisterRun"].verb)
    box.label("The path of its file; Enter registers it.", Place(GAP + _LABEL, 34, 400, 22), font="Comment")
