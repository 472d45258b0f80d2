"""What session and run metadata may hold: JSON values that every face, file and catalogue can carry unchanged."""

from __future__ import annotations

import json
import math
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


def _check_key(key: Any, where: str) -> None:
    if not isinstance(key, str) or not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise InvalidInputError(
            f"{where} has a key that is empty, not text, not printable or longer than {MAX_KEY} characters.",
            code="BAD_METADATA",
            value=ascii(key)[:MAX_KEY],
            remedy="Use short printable keys.",
        )
