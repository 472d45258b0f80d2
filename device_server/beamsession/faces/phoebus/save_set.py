"""The save-and-restore configuration: the inputs of the next session and run."""

from __future__ import annotations

from beamsession.faces.epics.pv import Group
from beamsession.faces.phoebus.site import Site


def save_set(site: Site) -> str:
    """CSV that Phoebus imports into a folder of save and restore.

    No readbacks: an input's `_RBV` is what the session in being has, not what the input holds.
    """
    inputs = [pv.name for pv in site.pvs.values() if pv.group is Group.INPUT and pv.writable]
    return "\n".join(["PV,READBACK,READ_ONLY", *(f"{site.expanded(name)},,0" for name in inputs)]) + "\n"
