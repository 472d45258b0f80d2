"""Values as plain JSON data, the same on every face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

from pydantic import BaseModel

from beamsession.model.clock import to_text


def plain(value: Any) -> Any:
    """`value` with times as RFC 3339 text, enums as their values, paths as text and dataclasses as objects."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case datetime():
            return to_text(value)
        case PurePath():
            return str(value)
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return {str(key): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in cast("list[Any]", value)]
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no plain form")
