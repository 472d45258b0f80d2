"""Texts of the configuration with tokens in braces, which a session fills: checked when the configuration is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from string import Formatter
from typing import Annotated, Any, cast

from pydantic import AfterValidator

_METADATA = re.compile(r"metadata\[([^\[\]{}]+)\]")
_START = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
# With a value of the right type for each: what a format does not fit is found before the first session.
_SAMPLES: dict[str, Any] = {
    "id": 17,
    "name": "lysozyme",
    "title": "Lysozyme at 100 K",
    "user": "anna",
    "proposal": "p12345",
    "proposal_title": "Protein crystals",
    "year": "2026",
    "instrument": "P99",
    "instrument_title": "Beamline P99",
    "facility": "EXAMPLE",
    "start": _START,
    "stop": _START,
    "run_count": 12,
    "run": 3,
    "run_title": "omega scan",
}
TOKENS = tuple(_SAMPLES)
"""The tokens that a template may hold besides `metadata[key]`."""
_FORMAT_LIMIT = 30


@dataclass(frozen=True)
class TokenValues:
    """What a session has to say: one value per token, and its metadata. Empty text and None are no values."""

    own: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def of(self, token: str) -> Any:
        """The value of a token; None where the session has none."""
        if found := _METADATA.fullmatch(token):
            return _metadata_value(self.metadata, found[1])
        value = self.own.get(token)
        return None if value == "" else value


class _MissingError(Exception):
    """A token has no value."""


class _Filler(Formatter):
    def __init__(self, values: TokenValues) -> None:
        self._values = values

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        value = self._values.of(field_name)
        if value is None:
            raise _MissingError(field_name)
        return value, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime(format_spec or "%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, list):
            return ", ".join(cast("list[str]", value))
        return format(value, format_spec)


def tokens_of(template: str) -> tuple[str, ...]:
    """The tokens in a template, in order."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def missing_tokens(template: str, values: TokenValues) -> tuple[str, ...]:
    """The tokens of a template that have no value."""
    return tuple(token for token in tokens_of(template) if values.of(token) is None)


def filled(template: str, values: TokenValues) -> str | None:
    """The template with its tokens replaced, without blanks around it; None where one has no value."""
    try:
        return _Filler(values).vformat(template, (), {}).strip()
    except _MissingError:
        return None


def filled_list(template: str, values: TokenValues) -> list[str]:
    """The texts that a template of a list stands for: one, or each of a list if it is one token and nothing else."""
    tokens = tokens_of(template)
    if len(tokens) == 1 and template.strip() == f"{{{tokens[0]}}}":
        value = values.of(tokens[0])
        if isinstance(value, list):
            return [text for item in cast("list[str]", value) if (text := item.strip())]
    text = filled(template, values)
    return [text] if text else []


def _checked(template: str) -> str:
    for name, spec, conversion in _parsed(template):
        if name not in _SAMPLES and not _METADATA.fullmatch(name):
            raise ValueError(f"unknown token {{{name}}}; known are {', '.join(TOKENS)}, metadata[key]")
        if conversion or (spec and _METADATA.fullmatch(name)):
            raise ValueError(f"{{{name}}} cannot be formatted: write it without '!' and ':'")
        if len(spec) > _FORMAT_LIMIT or "{" in spec or re.search(r"\d{3}", spec):
            raise ValueError(f"the format of {{{name}}} is too elaborate: {spec!r}")
    try:
        filled(template, TokenValues(_SAMPLES, {key: "x" for key in map(_key_of, tokens_of(template)) if key}))
    except (ValueError, TypeError) as fault:
        raise ValueError(f"a format in {template!r} does not fit: {fault}") from fault
    return template


def _parsed(template: str) -> list[tuple[str, str, str]]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as fault:
        raise ValueError(f"{template!r} is no template: {fault}; a brace itself is written twice") from fault
    return [(name, spec or "", conversion or "") for _, name, spec, conversion in parts if name is not None]


def _key_of(token: str) -> str:
    found = _METADATA.fullmatch(token)
    return found[1] if found else ""


def _metadata_value(metadata: Mapping[str, Any], key: str) -> Any:
    """The value under `key`, or under its parts between dots, as text or a list of texts."""
    if key in metadata:
        return _shown(metadata[key])
    head, dot, rest = key.partition(".")
    inner = metadata.get(head)
    if dot and isinstance(inner, dict):
        return _metadata_value(cast("dict[str, Any]", inner), rest)
    return None


def _shown(value: Any) -> str | list[str] | None:
    match value:
        case {"value": inner, **rest}:
            shown = _shown(inner)
            unit = rest.get("unit") or rest.get("units")
            return f"{shown} {unit}" if unit and isinstance(shown, str) else shown
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip() or None
        case int() | float():
            return str(value)
        case list():
            texts = [_shown(item) for item in cast("list[Any]", value)]
            return [text for text in texts if isinstance(text, str)] or None
        case _:
            return None


Template = Annotated[str, AfterValidator(_checked)]
"""A text with tokens, as the configuration has it."""
