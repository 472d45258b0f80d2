"""What scripts hold, as JSON can carry it: arrays become lists, times text; a number never becomes text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from beamsession.model.clock import from_text, to_text
from beamsession.model.errors import InvalidInputError


def plain_value(value: Any, where: str) -> Any:
    """`value` itself or its JSON form, never the same container; InvalidInputError BAD_METADATA names `where`.

    Arrays and scalars that have `tolist` (NumPy's) become lists and numbers; a time without zone is local.
    """
    match value:
        case Enum():
            return plain_value(value.value, where)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return to_text(value.astimezone())
        case PurePath():
            return str(value)
        case Mapping():
            return {_key(key, where): plain_value(item, f"{where}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
        case _ if callable(getattr(value, "tolist", None)):
            return plain_value(value.tolist(), where)
        case _:
            raise InvalidInputError(
                f"{where} has the type {type(value).__name__}, which cannot be stored.",
                code="BAD_METADATA",
                value=repr(value)[:120],
                remedy="Give text, a number, true or false, a list, or a dict of these.",
            )


def plain_object(values: Mapping[str, Any], where: str = "metadata") -> dict[str, Any]:
    """A dict of such values as JSON can carry it; the caller's own is left as it is."""
    if not isinstance(values, Mapping):
        raise InvalidInputError(
            f"The {where} are a {type(values).__name__}, not a dict.",
            code="BAD_METADATA",
            value=repr(values)[:120],
            remedy='Give a dict such as {"sample": "CeO2"}.',
        )
    return plain_value(values, where)


def milliseconds(moment: str) -> int:
    """A time in RFC 3339 text as whole milliseconds since the epoch."""
    return int(from_text(moment).timestamp() * 1000)


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return key
    raise InvalidInputError(
        f"{where} has a key of the type {type(key).__name__}, not a text.",
        code="BAD_METADATA",
        value=repr(key)[:120],
        remedy="Use texts as keys.",
    )
