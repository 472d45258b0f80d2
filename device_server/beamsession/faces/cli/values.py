"""From the words of a command to the values of a verb's arguments."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

import typer

from beamsession.faces.cli.times import parse_time

OBJECT_USAGE = "KEY=VALUE, or a JSON object"


def plain_value(given: Any) -> Any:
    """A value that the command line understood, as JSON has it."""
    if isinstance(given, Enum):
        return given.value
    if isinstance(given, datetime):
        return given.astimezone().isoformat()
    if isinstance(given, list):
        return [plain_value(item) for item in given]
    return given


def time_value(text: str) -> datetime:
    """A time of the command line; BadParameter with the usage."""
    try:
        return parse_time(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None


def object_value(words: Iterable[str]) -> dict[str, Any]:
    """One object out of words that are each `key=value` or a JSON object; later words win.

    A value is JSON if it parses, else text: `energy=12.4` is a number, `sample=CeO2` a text, `energy=null` nothing.
    """
    found: dict[str, Any] = {}
    for word in words:
        found |= _json_object(word) if word.lstrip().startswith(("{", "[")) else _pair(word)
    return found


def _pair(word: str) -> dict[str, Any]:
    key, equals, value = word.partition("=")
    if not equals or not key.strip():
        raise typer.BadParameter(f"'{word}' is neither KEY=VALUE nor a JSON object")
    return {key.strip(): _json_or_text(value)}


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _json_object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise typer.BadParameter(f"this is not JSON: {fault}") from None
    if not isinstance(data, dict):
        raise typer.BadParameter('a JSON object is expected, for example \'{"sample": "CeO2"}\'')
    return data
