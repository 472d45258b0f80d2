"""Phoebus' files of the simulated beamline, for `deploy/phoebus`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from docs.generate.tango_entries import CONFIG_FILE

from beamsession.config import parse
from beamsession.faces.phoebus.files import phoebus_files
from beamsession.faces.phoebus.site import site_of

DISPLAYS = "/opt/beamsession/phoebus"
"""Where the example says that the screens are; an administrator puts the real place there."""


@cache
def simulated_phoebus() -> dict[str, str]:
    """Text by file name."""
    source = (files("beamsim") / "beamline.toml").read_text(encoding="utf-8")
    for place in ("@DATA@", "@STATE@"):
        source = source.replace(place, "/data")
    return phoebus_files(site_of(parse(tomllib.loads(source.replace("@PREFIX@", "SIM:")), CONFIG_FILE), DISPLAYS))
