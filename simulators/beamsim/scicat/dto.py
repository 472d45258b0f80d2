"""Validation of request bodies from tables of fields, with the messages of class-validator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .clock import parse_time

_EMAIL = re.compile(r"[^@\s;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\Z")
_URL = re.compile(
    r"([a-z][a-z0-9+.-]*://)?([^\s/@]+@)?"
    r"(([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z]{2,}|\d{1,3}(\.\d{1,3}){3})(:\d+)?([/?#]\S*)?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Check:
    """One constraint: its name, its test, and its message with {field} and {value}."""

    name: str
    passes: Callable[[Any], bool]
    message: str

    def complaint(self, field_name: str, value: Any) -> str:
        shown = "undefined" if value is MISSING else value
        return self.message.format(field=field_name, value=shown)


class _Missing:
    """The value of a field that was not sent; distinct from null."""

    def __repr__(self) -> str:
        return "undefined"


MISSING = _Missing()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_email(value: Any) -> bool:
    return isinstance(value, str) and bool(_EMAIL.match(value))


def _are_emails(value: Any) -> bool:
    return isinstance(value, str) and all(is_email(part.strip()) for part in value.split(";"))


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


STRING = Check("isString", lambda value: isinstance(value, str), "{field} must be a string")
NOT_EMPTY = Check(
    "isNotEmpty", lambda value: value not in ("", None) and value is not MISSING, "{field} should not be empty"
)
STRINGS = Check("isString", _are_strings, "each value in {field} must be a string")
INTEGER = Check(
    "isInt", lambda value: _is_number(value) and float(value).is_integer(), "{field} must be an integer number"
)
NUMBER = Check("isNumber", _is_number, "{field} must be a number conforming to the specified constraints")
BOOLEAN = Check("isBoolean", lambda value: isinstance(value, bool), "{field} must be a boolean value")
OBJECT = Check("isObject", lambda value: isinstance(value, dict), "{field} must be an object")
OBJECT_OR_ARRAY = Check("isObject", lambda value: isinstance(value, (dict, list)), "{field} must be an object")
DATE = Check(
    "isDateString", lambda value: parse_time(value) is not None, "{field} must be a valid ISO 8601 date string"
)
EMAIL = Check("isEmail", is_email, "{field} must be an email")
EMAILS = Check("customEmailList", _are_emails, "Expected an email or a list of semicolon separated emails, got {value}")
URL = Check("isUrl", lambda value: isinstance(value, str) and bool(_URL.match(value)), "{field} must be a URL address")
ARRAY = Check("isArray", lambda value: isinstance(value, list), "{field} must be an array")
ARRAY_NOT_EMPTY = Check(
    "arrayNotEmpty", lambda value: isinstance(value, list) and bool(value), "{field} should not be empty"
)


def one_of(*allowed: str) -> Check:
    """One of a few words."""
    words = ", ".join(allowed)
    return Check("isEnum", lambda value: value in allowed, "{field} must be one of the following values: " + words)


@dataclass(frozen=True)
class Field:
    """A property of a body: the checks of its value in the order of their messages.

    `table` validates each element of a list. `wrap` makes a list of a single value first.
    """

    name: str
    checks: tuple[Check, ...] = ()
    required: bool = False
    table: Table | None = None
    wrap: bool = False


@dataclass(frozen=True)
class Table:
    """All properties of a body; anything else is refused."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(item.name for item in self.fields)

    def partial(self, *without: str) -> Table:
        """The same for a partial update: nothing required, and the fields `without` unknown."""
        return Table(
            tuple(
                Field(item.name, item.checks, table=item.table, wrap=item.wrap)
                for item in self.fields
                if item.name not in without
            )
        )

    def only_known(self, body: Any) -> dict[str, Any]:
        """The body without the properties that are not in the table."""
        return {key: value for key, value in as_object(body).items() if key in self.names}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one property, as class-validator's ValidationError tells it."""

    property: str
    constraints: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Problem, ...] = ()
    unknown: bool = False

    def as_json(self) -> dict[str, Any]:
        result: dict[str, Any] = {"property": self.property}
        if not self.unknown:
            result["children"] = [child.as_json() for child in self.children]
        if self.constraints:
            result["constraints"] = dict(self.constraints)
        return result

    def messages(self, path: str = "") -> list[str]:
        own = [path + text for text in self.constraints.values()]
        inner = f"{path}{self.property}."
        return own + [text for child in self.children for text in child.messages(inner)]


def as_object(body: Any) -> dict[str, Any]:
    """A body as the members JavaScript sees in it: a list is an object whose keys are its indices."""
    if isinstance(body, dict):
        return body
    if isinstance(body, list):
        return {str(index): item for index, item in enumerate(body)}
    return {}


def validate(table: Table, body: Any) -> list[Problem]:
    """All problems of a body: first the unknown properties, then the fields in the table's order."""
    members = as_object(body)
    unknown = [
        Problem(name, {"whitelistValidation": f"property {name} should not exist"}, unknown=True)
        for name in members
        if name not in table.names
    ]
    found = [_check(item, members.get(item.name, MISSING)) for item in table.fields]
    return unknown + [problem for problem in found if problem is not None]


def _check(item: Field, value: Any) -> Problem | None:
    if value is MISSING or value is None:
        if not item.required:
            return None
    elif item.wrap and not isinstance(value, list):
        value = [value]
    failed = {check.name: check.complaint(item.name, value) for check in item.checks if not check.passes(value)}
    children: tuple[Problem, ...] = ()
    if item.table is not None and isinstance(value, list):
        inner = ((index, tuple(validate(item.table, element))) for index, element in enumerate(value))
        children = tuple(Problem(str(index), children=problems) for index, problems in inner if problems)
    return Problem(item.name, failed, children) if failed or children else None


def messages(problems: list[Problem]) -> list[str]:
    return [text for problem in problems for text in problem.messages()]
