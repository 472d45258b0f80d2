"""`beamsession taurus`: the panel in a window of its own."""

from __future__ import annotations

import importlib.util
import os

import typer

from beamsession.faces.cli.place import locate
from beamsession.faces.cli.road import Road
from beamsession.model.errors import InvalidInputError, UnavailableError

_BINDINGS = ("PySide6", "PyQt6", "PyQt5")
_NEEDED = ("taurus", "pyqtgraph")


def open_panel(device: str, config: str) -> None:
    """Open the panel of the beamline that is told, known or running; returns when its window is closed.

    Raises UnavailableError (NO_TAURUS, NO_DISPLAY), InvalidInputError NO_BEAMLINE.
    """
    _require_installed()
    address = _address(device, config)
    _require_display()
    from beamsession.faces.taurus.program import run_panel

    if code := run_panel(address):
        raise typer.Exit(code)


def _address(device: str, config: str) -> str:
    try:
        return Road(locate(device, config)).device()
    except InvalidInputError as error:
        if error.code != "NO_BEAMLINE" or not os.environ.get("TANGO_HOST"):
            raise
    from beamsession.faces.scripting.address import resolved

    return resolved("")  # the only manager in the Tango database


def _require_installed() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing or not any(importlib.util.find_spec(name) for name in _BINDINGS):
        raise UnavailableError(
            f"The panel needs {', '.join(missing) or 'a Qt binding'}, not installed here.",
            code="NO_TAURUS",
            remedy="Install it with: pip install 'beamsession[taurus]'",
        )


def _require_display() -> None:
    """Qt would end the whole program without a display."""
    named = (os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if not any(named):
        raise UnavailableError(
            "No display is known here.",
            code="NO_DISPLAY",
            remedy="Log in with a desktop, or with ssh -X; or use the command line.",
        )
