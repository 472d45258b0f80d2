"""Session metadata as the catalogue wants them: harmless keys, {value, unit} pairs, nothing that upsets the server."""

from __future__ import annotations

import math
import re
from typing import Any, cast

_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
_MAX_DEPTH = 8
_MAX_ITEMS = 50
_MAX_TEXT = 10_000
# Beyond this a number loses digits in the server's JavaScript.
_MAX_SAFE_INTEGER = 2**53

# Spellings in use at beamlines, and the ones that the server's unit library understands.
_UNITS = {
    "µm": "um",  # U+00B5, micro sign
    "μm": "um",  # U+03BC, Greek letter
    "micron": "um",
    "microns": "um",
    "Ohm": "ohm",
    "Ω": "ohm",
    "C": "degC",
    "°C": "degC",
    "degrees": "deg",
    "°": "deg",
    "sec": "s",
    "counts": "",
    "a.u.": "",
    "%": "",
}


def scientific_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """`metadata` in catalogue form; None and numbers that are not finite are left out, lists become ranges."""
    return _group(metadata, depth=0)


def quantity(value: float | int | str, unit: str = "") -> dict[str, Any]:
    """One value with its unit."""
    return {"value": value, "unit": unit}


def safe_key(key: str) -> str:
    """`key` in the letters that neither MongoDB nor the server encodes: begins with a letter, never empty."""
    plain = _UNSAFE.sub("_", key.replace("%", "_percent")).strip("_")
    if not plain:
        return "key"
    return plain if plain[0].isalpha() else f"k_{plain}"


def _group(metadata: dict[str, Any], depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in metadata.items():
        entry = _entry(value, depth)
        if entry is None:
            continue
        suffix = "_percent" if isinstance(value, dict) and cast("dict[str, Any]", value).get("unit") == "%" else ""
        result[_free(safe_key(key) + suffix, result)] = entry
    return result


def _free(key: str, taken: dict[str, Any]) -> str:
    number, candidate = 2, key
    while candidate in taken:
        candidate = f"{key}_{number}"
        number += 1
    return candidate


def _entry(value: Any, depth: int) -> dict[str, Any] | None:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if "value" in members and set(members) <= {"value", "unit", "units", "type", "human_name"}:
            return _pair(members)
        if depth >= _MAX_DEPTH:
            return {"value": _text(str(members))}
        # An empty group would show as an empty cell; it says nothing.
        return _group(members, depth + 1) or None
    return _typed(value, "")


def _pair(members: dict[str, Any]) -> dict[str, Any] | None:
    said = _text(str(members.get("unit") or members.get("units") or ""))
    entry = _typed(members["value"], _UNITS.get(said, said))
    human_name = members.get("human_name")
    if entry is not None and isinstance(human_name, str) and human_name:
        entry["human_name"] = _text(human_name)
    return entry


def _typed(value: Any, unit: str) -> dict[str, Any] | None:
    match value:
        case bool():
            # No unit beside it: the server would turn `true` into the number one.
            return {"value": value, "type": "boolean"}
        case int() if abs(value) >= _MAX_SAFE_INTEGER:
            return {"value": str(value), "unit": unit}
        case int():
            return {"value": value, "unit": unit}
        case float():
            return {"value": value, "unit": unit} if math.isfinite(value) else None
        case str():
            return {"value": _text(value), "unit": unit}
        case list():
            return _list(cast("list[Any]", value), unit)
        case dict():
            return {"value": _text(str(cast("dict[str, Any]", value)))}
        case _:
            return None


def _list(items: list[Any], unit: str) -> dict[str, Any] | None:
    present = [item for item in items if item is not None]
    if not present:
        return None
    if all(_is_number(item) for item in present):
        finite = [item for item in cast("list[float]", present) if math.isfinite(item)]
        if not finite:
            return None
        if len(finite) <= 2:
            return {"value": finite, "unit": unit}
        return {"value": [min(finite), max(finite)], "unit": unit, "count": len(finite)}
    return {"value": [_text(str(item))[:200] for item in present[:_MAX_ITEMS]], "count": len(present)}


def _is_number(item: Any) -> bool:
    match item:
        case bool():
            return False
        case int():
            return abs(item) < _MAX_SAFE_INTEGER
        case _:
            return isinstance(item, float)


def _text(text: str) -> str:
    """At most 10 000 characters that UTF-8 can carry: half a surrogate pair becomes a question mark."""
    return text[:_MAX_TEXT].encode(errors="replace").decode()
