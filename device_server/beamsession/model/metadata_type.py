"""The six types of a metadata value, and how what was given becomes a value of its type."""

from __future__ import annotations

import json
import math
import re
from enum import StrEnum
from typing import Any, NoReturn, cast

_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class MetadataType(StrEnum):
    """What a key holds; the words are those of session definition files."""

    STRING = "String"
    INTEGER = "Integer"
    DOUBLE = "Double"
    BOOLEAN = "Boolean"
    LIST = "List"
    MAP = "Map"

    @property
    def example(self) -> str:
        """A value of this type as one would write it."""
        return _EXAMPLES[self]

    @property
    def is_measurable(self) -> bool:
        """Whether a value of this type can have a unit, and be given as a {"value", "unit"} pair."""
        return self in (MetadataType.INTEGER, MetadataType.DOUBLE, MetadataType.LIST)


_EXAMPLES = {
    MetadataType.STRING: '"CeO2"',
    MetadataType.INTEGER: "25",
    MetadataType.DOUBLE: "12.4",
    MetadataType.BOOLEAN: "true",
    MetadataType.LIST: "[1, 2, 3]",
    MetadataType.MAP: '{"a": 1}',
}


def typed(kind: MetadataType, given: Any) -> Any:
    """`given` as a value of `kind`; a text is parsed.

    A quantity `{"value": …, "unit": "…"}` (or `units`) of a type that can have one stays a pair with its value typed.
    Raises ValueError with half a sentence that says why there is none.
    """
    if kind.is_measurable and (unit_key := unit_key_of(given)):
        return {"value": _plain(kind, given["value"]), unit_key: given[unit_key]}
    return _plain(kind, given)


def unit_key_of(value: Any) -> str:
    """`unit` or `units`, whichever stands beside `value` in a pair with a text as unit; empty if this is no pair."""
    if isinstance(value, dict):
        pair = cast("dict[Any, Any]", value)
        for key in ("unit", "units"):
            if pair.keys() == {"value", key} and isinstance(pair[key], str):
                return key
    return ""


def as_text(value: Any) -> str:
    """A scalar as people write it in a text, all else as JSON: `true`, `5`, `CeO2`, `[1, 2]`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(kind: MetadataType, given: Any) -> Any:
    match kind:
        case MetadataType.STRING:
            return _string(given)
        case MetadataType.INTEGER:
            return _integer(given)
        case MetadataType.DOUBLE:
            return _double(given)
        case MetadataType.BOOLEAN:
            return _boolean(given)
        case MetadataType.LIST:
            return _of_json(given, list)
        case MetadataType.MAP:
            return _of_json(given, dict)


def _string(given: Any) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, bool | int) or (isinstance(given, float) and math.isfinite(given)):
        return as_text(given)
    raise _refusal(given, "no text")


def _integer(given: Any) -> int:
    if (isinstance(given, str) and _INTEGER.fullmatch(given.strip())) or (
        isinstance(given, float) and given.is_integer()
    ):
        number = int(given)
    elif isinstance(given, int) and not isinstance(given, bool):
        number = given
    else:
        raise _refusal(given, "no integer")
    if number not in _INT64:
        raise ValueError("does not fit into 64 bits")
    return number


def _double(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise _refusal(given, "no number")
    if isinstance(given, str) and not _NUMBER.fullmatch(given.strip()):
        raise _refusal(given, "no number")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("is no finite number")
    return number


def _boolean(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and (word := given.strip().lower()) in ("true", "false"):
        return word == "true"
    raise _refusal(given, "neither true nor false")


def _of_json(given: Any, wanted: type[Any]) -> Any:
    name = "list" if wanted is list else "map"
    if isinstance(given, str) and given.strip():
        try:
            found = json.loads(given, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise ValueError(f"is not the JSON text of a {name}") from None
    else:
        found = given
    if not isinstance(found, wanted):
        raise _refusal(given, f"no {name}")
    return cast("Any", found)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _refusal(given: Any, why: str) -> ValueError:
    if isinstance(given, str) and not given.strip():
        return ValueError("is empty: leave it out, or set null")
    return ValueError(f"is {why}")
