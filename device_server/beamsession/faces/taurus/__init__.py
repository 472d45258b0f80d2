"""The panel for Taurus: `SessionPanel`, a TaurusWidget whose model is a SessionManager device.

Nothing of Qt is imported before the panel is asked for: its parts that need none can be used without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# PySide6 looks into every module that it sees imported, and would meet pydantic half made. In this order it does not.
import pydantic.errors
import pydantic.fields  # noqa: F401

if TYPE_CHECKING:
    from beamsession.faces.taurus.session_panel import SessionPanel

__all__ = ["SessionPanel"]


def __getattr__(name: str) -> Any:
    if name != "SessionPanel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from beamsession.faces.taurus.session_panel import SessionPanel

    return SessionPanel
