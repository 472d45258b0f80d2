"""All files for Phoebus of one beamline."""

from __future__ import annotations

from beamsession.faces.phoebus.alarm_tree import alarm_tree
from beamsession.faces.phoebus.save_set import save_set
from beamsession.faces.phoebus.screens import screens
from beamsession.faces.phoebus.settings import settings
from beamsession.faces.phoebus.site import Site


def phoebus_files(site: Site) -> dict[str, str]:
    """Text by file name."""
    return {
        **{name: display.as_xml() for name, display in screens(site).items()},
        "alarms.xml": alarm_tree(site),
        "save-and-restore.csv": save_set(site),
        "settings.ini": settings(site),
    }
