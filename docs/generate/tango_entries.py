"""The Tango database's entries of a beamline with the default names, for `db/tango.json`."""

from __future__ import annotations

import json
from pathlib import Path

from beamsession.config import parse
from beamsession.servers.up.tango_database import entries

CONFIG_FILE = Path("/etc/beamsession/beamline.toml")
"""Where the example says that the configuration is; an administrator puts the real path there."""


def entries_text() -> str:
    """JSON that dsconfig reads."""
    beamline = parse({"instrument": {"name": "beamline"}, "data": {"root": "/data"}}, CONFIG_FILE)
    return json.dumps(entries(beamline, CONFIG_FILE), indent=2) + "\n"
