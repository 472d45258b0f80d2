"""What session and run metadata may hold: JSON values that every face, file and catalogue can carry unchanged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened

MAX_BYTES = 1_000_000
MAX_DEPTH = 10
MAX_KEY = 100
_REMEDY = 'Give a JSON object such as {"sample": "CeO2", "energy": {"value": 12.4, "unit": "keV"}}.'


def check_metadata(data: Any) -> dict[str, Any]:
    """`data` itself if it may be stored; numbers must be finite, keys printable, depth at most 10, 1 MB in all."""
    if not isinstance(data, dict):
        raise InvalidInputError(
            "The metadata are not an object of keys and values.",
            code="BAD_METADATA",
            value=shortened(str(data)),
            remedy=_REMEDY,
        )
    _check_value(data, "metadata", 0)
    if len(json.dumps(data)) > MAX_BYTES:
        raise InvalidInputError(
            "The metadata are larger than 1 MB.",
            code="BAD_METADATA",
            remedy="Put large data in a file and add the file.",
        )
    return cast("dict[str, Any]", data)


def _check_value(value: Any, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInputError(f"{where} is nested deeper than {MAX_DEPTH}.", code="BAD_METADATA", remedy=_REMEDY)
    match value:
        case None | bool() | str() | int():
            return
        case float():
            if not math.isfinite(value):
                raise InvalidInputError(
                    f"{where} is not a finite number.", code="BAD_METADATA", value=str(value), remedy="Leave it out."
                )
        case list():
            for index, item in enumerate(cast("list[Any]", value)):
                _check_value(item, f"{where}[{index}]", depth + 1)
        case dict():
            for key, item in cast("dict[Any, Any]", value).items():
                _check_key(key, where)
                _check_value(item, f"{where}.{key}", depth + 1)
        case _:
            raise InvalidInputError(
                f"{where} has the type {type(value).__name__}, which JSON cannot carry.",
                code="BAD_METADATA",
                remedy=_REMEDY,
            )


def with_units(metadata: dict[str, Any], units: Mapping[str, str]) -> dict[str, Any]:
    """`metadata` with each number, or list of numbers, under a key of `units` as a pair `{"value", "unit"}`.

    A value that is such a pair already has its own unit; text, true and false have none.
    """
    return {
        key: {"value": value, "unit": units[key]} if key in units and _is_numeric(value) else value
        for key, value in metadata.items()
    }


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal in type too, at every depth: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def is_key(text: str) -> bool:
    """Whether metadata may have this key."""
    return bool(text.strip()) and len(text) <= MAX_KEY and text.isprintable()


def _check_key(key: Any, where: str) -> None:
    if not isinstance(key, str) or not is_key(key):
        raise InvalidInputError(
            f"{where} has a key that is empty, not text, not printable or longer than {MAX_KEY} characters.",
            code="BAD_METADATA",
            value=ascii(key)[:MAX_KEY],
            remedy="Use short printable keys.",
        )


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return bool(items) and all(_is_numeric(item) and not isinstance(item, list) for item in items)
    return isinstance(value, int | float) and not isinstance(value, bool)
