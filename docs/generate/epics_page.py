"""The page of the PVs, and the archiver's list, from the layout."""

from __future__ import annotations

from docs.generate.markdown import code, page, table

from beamsession.faces.epics.layout import MAX_DETECTORS, layout
from beamsession.faces.epics.pv import Group, Pv

_INTRODUCTION = """
What the Channel Access bridge serves, below `$(P)$(R)` (`epics.prefix` and `epics.record_prefix` of the
configuration). A `string` is a DBR_STRING of 39 bytes, and all of it is at `Name$` and `Name.VAL$`; a `text` is a CHAR
waveform of UTF-8. The fields `.VAL .DESC .RTYP .SEVR .EGU .PREC .NAME` are served. How to use them:
[Use EPICS](../how-to/use-epics.md).
"""
_TITLES = {
    Group.DEVICE: "The manager",
    Group.SESSION: "The session",
    Group.RUN: "The newest run",
    Group.DISK: "The data disk",
    Group.CATALOGUE: "On the way to the catalogue",
    Group.LOG: "The event log",
    Group.INPUT: "Inputs of the next command",
    Group.COMMAND: "Commands",
    Group.OUTCOME: "What became of the last command",
    Group.DETECTOR: f"Detectors: the first is Det1, at most {MAX_DETECTORS}",
    Group.RUNS: "The newest runs",
    Group.BRIDGE: "The bridge itself",
}
_POLICY = "# $(P)$(R) PVs for the archiver: name and sampling, MONITOR at most once a second.\n"


def epics_page() -> str:
    """The whole page."""
    pvs = layout(1)
    parts = (f"## {title}\n\n{_table([pv for pv in pvs if pv.group is group])}" for group, title in _TITLES.items())
    return page("PVs", _INTRODUCTION, *parts)


def archiver_text() -> str:
    """One PV a line for the archiver appliance, with the macros to be filled in, and four detectors."""
    names = [pv.name for pv in layout(4) if pv.archived]
    return _POLICY + "".join(f"$(P)$(R){name} MONITOR 1.0\n" for name in names)


def _table(pvs: list[Pv]) -> str:
    return table(["PV", "type", "unit", "access", "meaning"], [_row(pv) for pv in pvs])


def _row(pv: Pv) -> list[str]:
    size = f"[{pv.length or pv.count}]" if pv.length or pv.count > 1 else ""
    labels = f". {', '.join(pv.choices)}" if pv.choices and pv.group is not Group.COMMAND else ""
    access = "read, write" if pv.writable else "read"
    return [code(pv.name), f"{pv.kind}{size}", pv.units, access, pv.doc + labels]
