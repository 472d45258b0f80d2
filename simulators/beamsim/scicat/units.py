"""SI values beside the values with units of a dataset's scientific metadata."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any
from urllib.parse import quote, unquote

_RANGE = 2


@dataclass(frozen=True)
class Unit:
    """A unit's way to SI: value * factor + offset, in `si`."""

    si: str
    factor: float = 1
    offset: float = 0

    def convert(self, value: float) -> float:
        converted = float(f"{value * self.factor + self.offset:.12g}")
        return int(converted) if converted.is_integer() else converted


_ENERGY = "(kg m^2) / s^2"
_ELECTRONVOLT = 1.602176565e-19
UNITS = {
    "m": Unit("m"),
    "mm": Unit("m", 1e-3),
    "um": Unit("m", 1e-6),
    "nm": Unit("m", 1e-9),
    "angstrom": Unit("m", 1e-10),
    "Å": Unit("m", 1e-10),
    "s": Unit("s"),
    "g": Unit("kg", 1e-3),
    "eV": Unit(_ENERGY, _ELECTRONVOLT),
    "keV": Unit(_ENERGY, _ELECTRONVOLT * 1e3),
    "K": Unit("K"),
    "degC": Unit("K", 1, 273.15),
    "deg": Unit("rad", pi / 180),
    "mA": Unit("A", 1e-3),
}


def with_si(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata with `valueSI` and `unitSI` added wherever a value and a unit are found.

    As on the real server any two members are taken for them whose names begin with v and u. Unknown units,
    and lists of other than two numbers, are copied unconverted.
    """
    return {key: _with_si(value) for key, value in metadata.items()}


def _with_si(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    members = with_si(entry)
    value_key = next((key for key in entry if key.startswith("v") and not key.endswith("SI")), None)
    unit_key = next((key for key in entry if key.startswith("u") and not key.endswith("SI")), None)
    if value_key is None or unit_key is None or not entry[unit_key] or not isinstance(entry[unit_key], str):
        return members
    value, unit = _to_si(entry[value_key], entry[unit_key])
    return members | {"valueSI": value, "unitSI": unit}


def _to_si(value: Any, name: str) -> tuple[Any, str]:
    unit = UNITS.get(name)
    if unit is None:
        return value, name
    if isinstance(value, list):
        numbers = [_number(item) for item in value]
        if len(numbers) != _RANGE or None in numbers:
            return value, name
        return [unit.convert(number) for number in numbers if number is not None], unit.si
    number = _number(value)
    return (value, name) if number is None else (unit.convert(number), unit.si)


def _number(value: Any) -> float | None:
    """A value as JavaScript takes it for a number: numeric text and booleans count."""
    if isinstance(value, (bool, int, float, str)):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def encode_keys(metadata: dict[str, Any]) -> dict[str, Any]:
    """Top-level keys as they are stored: dots, dollars, slashes, blanks percent-encoded."""
    return {quote(key, safe="-_!~*'()").replace(".", "%2E"): value for key, value in metadata.items()}


def decode_keys(metadata: dict[str, Any]) -> dict[str, Any]:
    return {unquote(key): value for key, value in metadata.items()}
