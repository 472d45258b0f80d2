"""The page to watch: session, run, disk, catalogue and alarms, with the buttons of the session's life."""

from __future__ import annotations

from beamsession.faces.phoebus.drawing import GAP, ROW, STEP, Display, Panel, Place
from beamsession.faces.phoebus.main_screen import PAGE_HEIGHT, PAGE_WIDTH
from beamsession.faces.phoebus.site import Site

_LABEL = 90
_BUTTON = 104
_START = "Start a session with the inputs on the tab Session? An open one is completed first."
_CANCEL = "Cancel the session? Its folder is removed; its record is kept."
_COMPLETE = "Complete the session? An open run is written to its end first."
_ABORT = "Abort the run? Frames that are not on disk yet are dropped."


def overview(site: Site) -> Display:
    """Left the session, right the run; below them what may need somebody."""
    display = Display(site, "Overview", PAGE_WIDTH, PAGE_HEIGHT)
    half = (PAGE_WIDTH - 3 * GAP) // 2
    session = Place(GAP, GAP, half, 286)
    run = Place(2 * GAP + half, GAP, half, 286)
    _session(display.group("Session", session))
    _run(display.group("Run", run))
    y = session.below
    height = PAGE_HEIGHT - y - GAP
    _alarms(display.group("Alarms", Place(GAP, y, half, height)))
    disk = (half - GAP) // 2
    _disk(display.group("Disk", Place(run.x, y, disk, height)))
    _catalogue(display.group("Catalogue", Place(run.x + disk + GAP, y, half - disk - GAP, height)))
    return display


def lines(panel: Panel, names: dict[str, str], x: int, y: int, label: int, width: int) -> int:
    """Values below each other, each with its label before it; the y of what comes next."""
    for title, name in names.items():
        panel.label(title, Place(x, y, label))
        panel.value(name, Place(x + label, y, width - label))
        y += STEP
    return y


def session_buttons(panel: Panel, y: int) -> None:
    """Start to Cancel in a row."""
    buttons = (("Start", _START), ("Pause", ""), ("Resume", ""), ("Complete", _COMPLETE), ("Cancel", _CANCEL))
    _row(panel, y, [(name, name, confirm) for name, confirm in buttons])


def run_buttons(panel: Panel, y: int) -> None:
    """Start, stop and abort a run."""
    _row(panel, y, [("StartRun", "Start run", ""), ("StopRun", "Stop run", ""), ("AbortRun", "Abort run", _ABORT)])


def _row(panel: Panel, y: int, buttons: list[tuple[str, str, str]]) -> None:
    for index, (name, text, confirm) in enumerate(buttons):
        panel.button(name, text, Place(GAP + index * (_BUTTON + GAP), y, _BUTTON, 32), confirm)


def _session(box: Panel) -> None:
    width = box.width - 2 * GAP
    box.label("Name", Place(GAP, 6, _LABEL))
    box.value("SessionName_RBV", Place(GAP + _LABEL, 6, width - _LABEL - 130), font="DefaultBold")
    box.label("Id", Place(box.width - 122, 6, 24))
    box.value("SessionId", Place(box.width - 98, 6, 90), at_right=True)
    rest = {
        "Title": "SessionTitle_RBV",
        "Proposal": "Proposal_RBV",
        "Started": "StartTime",
        "Runs": "RunCount",
        "Folder": "Root",
    }
    y = lines(box, rest, GAP, 6 + STEP, _LABEL, width)
    session_buttons(box, y + 12)


def _run(box: Panel) -> None:
    width = box.width - 2 * GAP
    box.label("Run", Place(GAP, 6, _LABEL))
    box.value("RunNumber", Place(GAP + _LABEL, 6, 60), font="DefaultBold")
    box.value("RunTitle_RBV", Place(GAP + _LABEL + 68, 6, width - _LABEL - 68))
    y = lines(box, {"File": "RunFile"}, GAP, 6 + STEP, _LABEL, width)
    box.label("Progress", Place(GAP, y, _LABEL))
    box.progress("Progress", Place(GAP + _LABEL, y, width - _LABEL - 88))
    box.value("Progress", Place(box.width - GAP - 80, y, 80), at_right=True)
    counters = ("Expected", "Received", "Written", "Dropped")
    y += STEP + 4
    column = (width - 3 * GAP) // 4
    for index, title in enumerate(counters):
        x = GAP + index * (column + GAP)
        box.label(title, Place(x, y, column, 20))
        box.value(f"{title}Frames", Place(x, y + 20, column, ROW), font="DefaultBold", at_right=True)
    y += 20 + ROW + 10
    box.label("Data rate", Place(GAP, y, _LABEL))
    box.value("DataRate", Place(GAP + _LABEL, y, 140), at_right=True)
    y += STEP
    run_buttons(box, 6 + 6 * STEP + 12)


def _alarms(box: Panel) -> None:
    button = Place(box.width - GAP - 130, box.height - GAP - 32, 130, 32)
    box.value("Alarms", Place(GAP, 6, box.width - 2 * GAP, button.y - 12))
    box.label("All problems in sentences, the worst first.", Place(GAP, button.y, button.x - 2 * GAP), font="Comment")
    box.button("AcknowledgeAlarm", "Acknowledge", button)


def _disk(box: Panel) -> None:
    lines(box, {"Free": "DiskFree", "Full in": "DiskMinutesLeft"}, GAP, 6, 70, box.width - 2 * GAP)


def _catalogue(box: Panel) -> None:
    """Counts and states side by side: what is told in a word needs no line of its own."""
    rows = (
        (("On way", "IngestPending"), ("Parked", "IngestParked")),
        (("Oldest", "IngestOldestAge"), ("SciCat", "CatalogueState")),
        (("Last", "LastCompletedId"), ("Ingest", "IngestState")),
    )
    label, first = 54, 76
    second = box.width - 2 * GAP - 2 * label - first - GAP
    y = 6
    for (left, left_pv), (right, right_pv) in rows:
        box.label(left, Place(GAP, y, label))
        box.value(left_pv, Place(GAP + label, y, first))
        x = GAP + label + first + GAP
        box.label(right, Place(x, y, label))
        box.value(right_pv, Place(x + label, y, second))
        y += STEP
    lines(box, {"Dataset": "DatasetPid"}, GAP, y, label, box.width - 2 * GAP)
