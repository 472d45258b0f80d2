"""Whether a NeXus file has what its application definition wants.

Groups, fields, attributes, links, choices and enumerations that are required must be there, with the definition's type
and rank, and with units where it names a category of them. Not checked: whether units belong to their category, sizes
of dimensions, and what is not mentioned in the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import h5py

from beamsession.model.clock import from_text
from beamsession.record.nexus.nxdl import Definition, Item
from beamsession.record.nexus.objects import text_of

T = TypeVar("T", h5py.Group, h5py.Dataset)
_KINDS = {
    "NX_INT": "iu",
    "NX_UINT": "u",
    "NX_POSINT": "iu",
    "NX_FLOAT": "f",
    "NX_NUMBER": "iufc",
    "NX_COMPLEX": "iufc",
    "NX_BOOLEAN": "biu",
    "NX_CHAR": "OSU",
    "NX_DATE_TIME": "OSU",
    "ISO8601": "OSU",
}
_WITHOUT_UNITS = ("", "NX_UNITLESS", "NX_DIMENSIONLESS", "NX_ANY")


def application_complaints(entry: h5py.Group, definition: Definition) -> list[str]:
    """A sentence for each thing that `definition` wants and `entry` does not have."""
    found: list[str] = []
    for wanted in definition.entries:
        found += [f"{definition.name}: {complaint}" for complaint in _in_group(entry, wanted, definition.name)]
    return list(dict.fromkeys(found))


def _in_group(group: h5py.Group, wanted: Item, definition: str) -> Iterator[str]:
    for item in wanted.items("attribute"):
        yield from _attribute(group, item)
    for item in wanted.items("field"):
        if str(group.name).count("/") == 1 and item.name == "definition":
            if text_of(group.get("definition")) != definition:
                yield f"{group.name}/definition does not name it."
        else:
            yield from _best(
                _fields(group, item),
                item,
                group,
                f"the field '{item.label}'",
                lambda thing, item=item: _field(thing, item),
            )
    for item in wanted.items("group"):
        yield from _wanted_group(group, item, definition)
    for item in wanted.items("choice"):
        yield from _choice(group, item, definition)
    for item in wanted.items("link"):
        if item.required and _child(group, item.label) is None:
            yield f"{group.name} lacks the link '{item.label}'."


def _wanted_group(group: h5py.Group, item: Item, definition: str) -> Iterator[str]:
    candidates = _groups(group, item.name, item.nx_class)
    what = f"a group '{item.name}' of class {item.nx_class}" if item.name else f"a group of class {item.nx_class}"
    yield from _best(candidates, item, group, what, lambda thing: _in_group(thing, item, definition))


def _choice(group: h5py.Group, item: Item, definition: str) -> Iterator[str]:
    """One of several classes under one name."""
    thing = _child(group, item.label)
    options = {option.nx_class: option for option in item.items("group")}
    nx_class = text_of(thing.attrs.get("NX_class")) if isinstance(thing, h5py.Group) else ""
    if isinstance(thing, h5py.Group) and nx_class in options:
        yield from _in_group(thing, options[nx_class], definition)
    elif item.required:
        yield f"{group.name} lacks a group '{item.label}' of class {' or '.join(options)}."


def _best(
    candidates: list[T],
    item: Item,
    group: h5py.Group,
    what: str,
    check: Callable[[T], Iterator[str]],
) -> Iterator[str]:
    """What is wrong with the best of `candidates`: one that satisfies the definition is enough."""
    if candidates:
        yield from min((list(check(candidate)) for candidate in candidates), key=len)
    elif item.required:
        yield f"{group.name} lacks {what}."


def _field(field: h5py.Dataset, item: Item) -> Iterator[str]:
    kinds = _KINDS.get(item.type)
    if kinds and field.dtype.kind not in kinds:
        yield f"{field.name} is {field.dtype}, not {item.type}."
        return
    if item.type in ("NX_DATE_TIME", "ISO8601") and not _is_time(text_of(field)):
        yield f"{field.name} is no time."
    if item.units not in _WITHOUT_UNITS and "units" not in field.attrs:
        yield f"{field.name} has no units, it wants some of {item.units}."
    if item.rank is not None and field.ndim != item.rank:
        yield f"{field.name} has {field.ndim} dimensions, not {item.rank}."
    if item.allowed and str(_plain(field)) not in item.allowed:
        yield f"{field.name} is '{_plain(field)}', not one of {', '.join(item.allowed)}."
    for attribute in item.items("attribute"):
        yield from _attribute(field, attribute)


def _attribute(thing: h5py.Group | h5py.Dataset, item: Item) -> Iterator[str]:
    if item.label not in thing.attrs:
        if item.required:
            yield f"{thing.name} lacks the attribute '{item.label}'."
    elif item.allowed and text_of(thing.attrs[item.label]) not in item.allowed:
        yield f"{thing.name}@{item.label} is not one of {', '.join(item.allowed)}."


def _groups(group: h5py.Group, name: str, nx_class: str) -> list[h5py.Group]:
    """Groups of this class; with a name only that one."""
    names = [name] if name else list(group)
    things = [_child(group, name) for name in names]
    return [
        thing
        for thing in things
        if isinstance(thing, h5py.Group) and text_of(thing.attrs.get("NX_class")) in (nx_class, "")
    ]


def _fields(group: h5py.Group, item: Item) -> list[h5py.Dataset]:
    """The field of this name; where any name is allowed, every field."""
    things = [_child(group, name) for name in ([item.name] if item.name else list(group))]
    return [thing for thing in things if isinstance(thing, h5py.Dataset)]


def _child(group: h5py.Group, name: str) -> object:
    """What is there, links followed; None where nothing is, or a link leads nowhere."""
    try:
        return group.get(name)
    except (KeyError, OSError, RuntimeError):
        return None


def _plain(field: h5py.Dataset) -> object:
    return text_of(field) or (field[()] if field.shape == () else "")


def _is_time(text: str) -> bool:
    try:
        from_text(text)
    except ValueError:
        return False
    return True
