"""Text and errors on their way over Tango, whose strings are Latin-1 and end at NUL."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NoReturn

import tango
from pydantic import BaseModel

from beamsession.model.errors import BeamsessionError, UnavailableError, error_from_json

_LETTER = re.compile(r"LATIN (CAPITAL|SMALL) (?:LETTER|LIGATURE) ([A-Z]{1,2})\b")
_GREEK = re.compile(r"GREEK (CAPITAL|SMALL) LETTER (?:FINAL )?([A-Z]+)")
_TRANSPORT = "API_"


def to_tango(text: str) -> str:
    """`text` as Tango can carry it: what Latin-1 lacks is spelt out in ASCII (Ł -> L, θ -> theta) or becomes `?`."""
    return "".join(sign if "\0" < sign <= "\xff" else _spelt(sign) for sign in text)


def to_json(value: Any) -> str:
    """JSON that survives Tango exactly: ASCII with escapes. Models and collections of models are understood."""
    return json.dumps(value, ensure_ascii=True, default=_plain)


def raise_tango(error: BeamsessionError) -> NoReturn:
    """Raise `error` as DevFailed: reason = code, description = sentence and remedy, origin = all of it as JSON."""
    tango.Except.throw_exception(to_tango(error.code), to_tango(error.text), to_json(_exact(error)))
    raise AssertionError("throw_exception returned")


def from_tango(failure: tango.DevFailed) -> BeamsessionError | None:
    """The error that `raise_tango` sent, exactly as it was; None if the failure is none of ours."""
    for part in failure.args:
        if error := _restored(str(getattr(part, "origin", ""))):
            return error
    return None


def transport_error(failure: tango.DevFailed, *, who: str, code: str, remedy: str) -> BeamsessionError:
    """The error for a failure that is none of ours: `code` where `who` was not reached, else INTERNAL_ERROR."""
    first = failure.args[0] if failure.args else None
    reason, description = str(getattr(first, "reason", "")), str(getattr(first, "desc", failure)).strip()
    if isinstance(failure, tango.ConnectionFailed | tango.CommunicationFailed) or reason.startswith(_TRANSPORT):
        return UnavailableError(f"{who} cannot be reached ({reason}).", code=code, value=who, remedy=remedy)
    return BeamsessionError(f"{who} failed: {description}", value=who, remedy="Look at its log.")


def _restored(origin: str) -> BeamsessionError | None:
    try:
        exact = json.loads(origin)
    except ValueError:
        return None
    return error_from_json(exact) if isinstance(exact, dict) and "sentence" in exact else None


def _exact(error: BeamsessionError) -> dict[str, Any]:
    exact = error.as_json()
    try:
        json.dumps(exact["value"], default=_plain)
    except (TypeError, ValueError):
        exact["value"] = repr(exact["value"])
    return exact


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def _spelt(sign: str) -> str:
    if sign == "\0":
        return ""
    plain = unicodedata.normalize("NFKD", sign).encode("latin-1", "ignore").decode("latin-1")
    if plain.strip():
        return plain
    category, name = unicodedata.category(sign), unicodedata.name(sign, "")
    for pattern in (_LETTER, _GREEK):
        if found := pattern.match(name):
            case, letters = found.groups()
            return letters.capitalize() if case == "CAPITAL" else letters.lower()
    by_category = {"Pd": "-", "Pi": "'", "Pf": "'", "Mn": "", "Cf": "", "Zs": " "}
    if "DOUBLE" in name and category in ("Pi", "Pf", "Ps"):
        return '"'
    return by_category.get(category, "?")
