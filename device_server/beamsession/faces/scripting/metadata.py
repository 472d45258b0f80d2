# ruff: noqa: A002 - `id` is what published scripts call it
"""The metadata of sessions, and the keys that the beamline defines."""

from __future__ import annotations

from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import session_number
from beamsession.faces.scripting.values import plain_object

_UNDEFINED = {"type": "String", "default_text": ""}


def session_get_metadata(id: int | None = None) -> dict[str, Any]:
    """The metadata of a session (None: the open one), typed."""
    return call("metadata_show", session=session_number(id))


def session_set_metadata(key: str, value: Any, id: int | None = None) -> None:
    """Set one key of a session's metadata (None: the open one); the value None removes it.

    Raises the reason if the value does not fit the type of a defined key, or the session's metadata are final.
    """
    call("metadata_set", values=plain_object({key: value}), session=session_number(id))


def session_get_metadata_keys() -> list[str]:
    """The keys that the beamline defines, in its order."""
    return [key["name"] for key in call("metadata_definition")]


def session_get_metadata_type(key: str) -> str:
    """The type of a key: String, Integer, Double, Boolean, List or Map; String for one that is not defined."""
    return _definition(key)["type"]


def session_get_metadata_default(key: str) -> str:
    """The default of a key as text (JSON for a List or Map); empty if it has none or is not defined."""
    return _definition(key)["default_text"]


def _definition(name: str) -> dict[str, Any]:
    return next((key for key in call("metadata_definition") if key["name"] == name), _UNDEFINED)
