"""The `filter` of reading requests: conditions, choice of fields, pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import javascript_json
from .answers import refusal
from .state import Document

V4_PAGE = 10
V3_PAGE = 100
_KEYS = frozenset({"where", "fields", "limits", "include"})
_LOGICAL = {"$and": all, "$or": any, "and": all, "or": any}


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, bound: Any) -> bool:
        try:
            return value is not None and test(value, bound)
        except TypeError:
            return False

    return compare


def _contains(value: Any, options: Any) -> bool:
    return any(_equals(value, option) for option in options)


def _equals(value: Any, wanted: Any) -> bool:
    return value == wanted or (isinstance(value, list) and wanted in value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _equals,
    "ne": lambda value, wanted: not _equals(value, wanted),
    "in": _contains,
    "inq": _contains,
    "nin": lambda value, options: not _contains(value, options),
    "gt": _compared(lambda value, bound: value > bound),
    "gte": _compared(lambda value, bound: value >= bound),
    "lt": _compared(lambda value, bound: value < bound),
    "lte": _compared(lambda value, bound: value <= bound),
    "exists": lambda value, wanted: (value is not None) == bool(wanted),
    "regex": lambda value, pattern: isinstance(value, str) and re.search(pattern, value) is not None,
}


def _values(document: Any, path: list[str]) -> Iterable[Any]:
    """All values a dotted path leads to; lists are entered on the way."""
    if isinstance(document, list) and path:
        for element in document:
            yield from _values(element, path)
    elif not path:
        yield document
    elif isinstance(document, dict) and path[0] in document:
        yield from _values(document[path[0]], path[1:])


def _holds(condition: Any, values: list[Any]) -> bool:
    found = values or [None]
    if isinstance(condition, dict) and condition and all(key.lstrip("$") in _OPERATORS for key in condition):
        return all(
            any(_OPERATORS[key.lstrip("$")](value, operand) for value in found) for key, operand in condition.items()
        )
    return any(_equals(value, condition) for value in found)


def matches(document: Document, where: Mapping[str, Any]) -> bool:
    for key, condition in where.items():
        if key in _LOGICAL:
            if not _LOGICAL[key](matches(document, part) for part in condition):
                return False
        elif not _holds(condition, list(_values(document, key.split(".")))):
            return False
    return True


@dataclass(frozen=True)
class Filter:
    """What to select, what to show of it, and which page of it."""

    where: dict[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    limit: int = V4_PAGE
    skip: int = 0
    sort: tuple[tuple[str, bool], ...] = ()
    """Keys to sort by, the most important first, each with whether it descends."""

    def select(self, documents: Iterable[Document]) -> list[Document]:
        """The page of whole documents; `chosen` then takes the fields."""
        found = [document for document in documents if matches(document, self.where)]
        for key, descending in reversed(self.sort):
            found.sort(key=lambda document: str(document.get(key, "")), reverse=descending)
        return found[self.skip : self.skip + self.limit if self.limit else None]

    def chosen(self, document: Document) -> Document:
        if not self.fields:
            return document
        return {key: value for key, value in document.items() if key in self.fields or key == "_id"}


def parse_filter(text: str | None, page: int, known: frozenset[str] | None = None) -> Filter:
    """A filter from its JSON; 400 for bad JSON and, where `known` names the fields, for an unknown key."""
    content = _parsed(text)
    if known is not None:
        _refuse_unknown(content, known)
    limits = content.get("limits") or {}
    fields = content.get("fields") or ()
    return Filter(
        where=content.get("where") or {},
        fields=tuple(fields),
        include=_included(content.get("include") or ()),
        limit=int(limits.get("limit", page)),
        skip=int(limits.get("skip", 0)),
        sort=_order(limits),
    )


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        content = javascript_json.parse(text) if text else {}
    except javascript_json.JsonSyntaxError as error:
        raise refusal(400, f"Invalid JSON in filter: {error}") from None
    return content if isinstance(content, dict) else {}


def _refuse_unknown(content: dict[str, Any], known: frozenset[str]) -> None:
    for key in content:
        if key not in _KEYS:
            raise refusal(400, f"Property {key} should not exist in the filter object")
    for key in content.get("where") or {}:
        if key not in _LOGICAL and key.split(".")[0] not in known:
            raise refusal(400, f"Property where.{key} should not exist in the filter object")


def _included(relations: Iterable[Any]) -> tuple[str, ...]:
    return tuple(item["relation"] if isinstance(item, dict) else item for item in relations)


def _order(limits: dict[str, Any]) -> tuple[tuple[str, bool], ...]:
    """`sort` of v4 is a mapping, `order` of v3 a text such as `creationTime:desc`."""
    if limits.get("sort"):
        return tuple((key, direction in ("desc", -1)) for key, direction in limits["sort"].items())
    if limits.get("order"):
        key, _, direction = str(limits["order"]).partition(":")
        return ((key, direction == "desc"),)
    return ()
