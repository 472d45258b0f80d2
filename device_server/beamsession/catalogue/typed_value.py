"""One value of metadata in the catalogue's form: {value, unit, type}, or a summary where it is long."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from numbers import Integral, Real
from typing import Any, cast

from beamsession.catalogue.units import is_percent, mathjs_unit

Entry = dict[str, Any]
MAX_SAFE_INTEGER = 2**53
"""Beyond this a number loses digits in the server's JavaScript."""
_MAX_TEXT = 10_000
_MAX_ITEM = 200
_MAX_ITEMS = 50
_RANGE = 2
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_LINK = re.compile(r"https?://\S+")


@dataclass
class Notes:
    """What was changed on the way, as sentences for a person."""

    sentences: list[str] = field(default_factory=list[str])

    def add(self, where: str, what: str) -> None:
        """Note `what` happened to the value `where`, a dotted path."""
        self.sentences.append(f"Metadata '{where}' {what}.")


def quantity(value: float | int | str, unit: str = "") -> Entry:
    """One value of our own with its unit."""
    if isinstance(value, str):
        return {"value": value, "unit": unit, "type": "string"}
    return {"value": value, "unit": unit, "type": "quantity" if unit else "number"}


def text_of(text: str, limit: int = _MAX_TEXT) -> str:
    """At most `limit` characters that UTF-8 can carry: half a surrogate pair becomes a question mark."""
    return text[:limit].encode(errors="replace").decode()


def typed_entry(given: Any, said_unit: str, where: str, notes: Notes, file: str = "") -> Entry | None:
    """`given` with its type; None where there is nothing to say: null, no finite number, an empty list.

    `said_unit` is spelt as the beamline does. `file` holds the whole of what is only summed up here: lists of more
    than two numbers.
    """
    value = plain_value(given)
    unit, is_known = mathjs_unit(text_of(said_unit, _MAX_ITEM))
    if is_percent(said_unit):
        unit, is_known = "", True
    if not is_known:
        notes.add(where, f"has the unit '{unit}', which the catalogue cannot convert; it is kept as it is")
    match value:
        case bool():
            if unit:
                notes.add(where, f"is true or false and loses its unit '{unit}'")
            return {"value": value, "type": "boolean"}
        case int() | float():
            return _number(value, unit, where, notes)
        case str():
            return _text(value, unit, where, notes)
        case list():
            return _list(cast("list[Any]", value), unit, where, notes, file)
        case dict():
            return {"value": as_json_text(value), "unit": "", "type": "string"}
        case _:
            return None


def plain_value(value: Any) -> Any:
    """`value` as JSON has it, for what scripts may hold besides: numpy's numbers and arrays, times, enums, paths."""
    match value:
        case Enum():
            return plain_value(value.value)
        case None | bool() | str() | int() | dict() | list():
            return value
        case float():
            return float(value)  # numpy's is one too, with a text of its own
        case datetime():
            return _instant(value)
        case date():
            return value.isoformat()
        case tuple() | set() | frozenset():
            return [plain_value(item) for item in cast("tuple[Any, ...]", value)]
        case Mapping():
            return dict(cast("Mapping[Any, Any]", value))
        case os.PathLike():
            return os.fsdecode(cast("os.PathLike[str]", value))
        case bytes():
            return value.decode(errors="replace")
    if callable(tolist := getattr(value, "tolist", None)):
        return plain_value(cast("Callable[[], Any]", tolist)())
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)


def as_json_text(value: Any) -> str:
    """What is too deep or too mixed for the catalogue's form, as the text of its JSON."""
    return text_of(json.dumps(value, ensure_ascii=False, default=lambda item: plain_value(item) or ""))


def _number(value: float, unit: str, where: str, notes: Notes) -> Entry | None:
    if isinstance(value, float) and not math.isfinite(value):
        notes.add(where, f"is {value} and is left out")
        return None
    if isinstance(value, int) and abs(value) >= MAX_SAFE_INTEGER:
        notes.add(where, "is a whole number beyond 2^53 and becomes a text, so that it keeps its digits")
        return {"value": text_of(_digits(value)), "unit": unit, "type": "string"}
    return quantity(value, unit)


def _digits(value: int) -> str:
    # Python refuses to write very long numbers in decimal, to be safe from those who send them.
    return str(value) if value.bit_length() < 4000 else hex(value)


def _text(value: str, unit: str, where: str, notes: Notes) -> Entry | None:
    if unit and _NUMBER.fullmatch(number := value.strip()):
        is_whole = number.lstrip("+-").isdigit() and len(number) < 1000
        return _number(int(number) if is_whole else float(number), unit, where, notes)
    if len(value) > _MAX_TEXT:
        notes.add(where, f"has {len(value)} characters and is cut to {_MAX_TEXT}")
    text = text_of(value)
    if _INSTANT.fullmatch(text):
        return {"value": _as_utc(text), "unit": "", "type": "date"}
    kind = "date" if _DAY.fullmatch(text) else "link" if _LINK.fullmatch(text) else "string"
    return {"value": text, "unit": unit, "type": kind}


def _as_utc(text: str) -> str:
    try:
        return _instant(datetime.fromisoformat(text))
    except ValueError:
        return text


def _instant(moment: datetime) -> str:
    if moment.tzinfo is None:
        return moment.isoformat()  # Nobody knows which zone it means, so none is claimed.
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:  # The first and the last day of the calendar, in some zones.
        return moment.isoformat()


def _list(items: list[Any], unit: str, where: str, notes: Notes, file: str) -> Entry | None:
    flat = [item for item in _flat(items) if item is not None]
    if not flat:
        return None
    if all(isinstance(item, int | float) and not isinstance(item, bool) for item in flat):
        return _numbers(cast("list[float]", flat), unit, where, notes, file)
    shown = [text_of(item if isinstance(item, str) else as_json_text(item), _MAX_ITEM) for item in flat[:_MAX_ITEMS]]
    entry: Entry = {"value": shown, "type": "string"}
    if len(flat) > _MAX_ITEMS:
        notes.add(where, f"has {len(flat)} items, of which the first {_MAX_ITEMS} are sent")
        entry["n"] = len(flat)
    return entry


def _flat(items: list[Any]) -> list[Any]:
    """Numbers of nested lists in one list; anything else stays as it is."""
    found: list[Any] = []
    waiting = [iter(items)]
    while waiting:
        for item in waiting[-1]:
            plain = plain_value(item)
            if isinstance(plain, list):
                waiting.append(iter(cast("list[Any]", plain)))
                break
            found.append(plain)
        else:
            waiting.pop()
    return found


def _numbers(given: list[float], unit: str, where: str, notes: Notes, file: str) -> Entry | None:
    usable = [item for item in given if _is_safe(item)]
    if len(usable) < len(given):
        notes.add(
            where, f"has {len(given) - len(usable)} numbers that are not finite or beyond 2^53; they are left out"
        )
    if not usable:
        return None
    if len(given) <= _RANGE:
        return {"value": usable, "unit": unit, "type": "quantity" if unit else "number"}
    summary: Entry = {"min": quantity(min(usable), unit), "max": quantity(max(usable), unit), "n": quantity(len(given))}
    return summary | {"file": quantity(text_of(file))} if file else summary


def _is_safe(item: float) -> bool:
    return abs(item) < MAX_SAFE_INTEGER if isinstance(item, int) else math.isfinite(item)
