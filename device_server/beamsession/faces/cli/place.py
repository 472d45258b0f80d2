"""Where the command line finds its beamline: what was told, the environment, or the ready file of `beamsession up`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beamsession.model.errors import InvalidInputError


def default_state() -> Path:
    """The state folder where none is named: BEAMSESSION_STATE, else one below the user's own state folder."""
    named = os.environ.get("BEAMSESSION_STATE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "beamsession"


@dataclass(frozen=True)
class Location:
    """A device to ask, a configuration to work by, or both."""

    device: str = ""
    config: Path | None = None


def locate(device: str, config: str) -> Location:
    """What was told wins over BEAMSESSION_DEVICE and BEAMSESSION_CONFIG, these over a running `beamsession up`.

    Sets TANGO_HOST to that of the running one where none is set. Raises InvalidInputError NO_BEAMLINE.
    """
    device = device or os.environ.get("BEAMSESSION_DEVICE", "")
    config = config or os.environ.get("BEAMSESSION_CONFIG", "")
    ready = {} if device or config else _ready()
    if ready:
        os.environ.setdefault("TANGO_HOST", str(ready["tango_host"]))
        managers = ready.get("session_managers") or [""]
        device, config = str(managers[0]), str(ready.get("config") or "")
    if not device and not config:
        raise InvalidInputError(
            "No beamline is known here.",
            code="NO_BEAMLINE",
            remedy="Start one with `beamsession up`, or give --device or --config "
            "(or set BEAMSESSION_DEVICE or BEAMSESSION_CONFIG).",
        )
    return Location(device, Path(config) if config else None)


def _ready() -> dict[str, Any]:
    try:
        return json.loads((default_state() / "ready.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
