"""Whether a NeXus file has what its application definition wants.

Groups, fields, attributes, links, choices and enumerations that are required must be there, with the definition's type,
rank and sizes of dimensions, and with units of the category that it names. Not checked: sizes that are more than a
symbol and a number, and what is not mentioned in the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import h5py

from beamsession.model.clock import from_text
from beamsession.record.nexus.nxdl import Definition, Item
from beamsession.record.nexus.objects import text_of
from beamsession.record.nexus.sizes import Size, dimension_complaints, disagreements
from beamsession.record.nexus.unit_categories import belongs

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
_WITHOUT_UNITS = ("", "NX_UNITLESS", "NX_DIMENSIONLESS", "NX_TRANSFORMATION", "NX_ANY")
_Found = Iterator[str | Size]


def application_complaints(entry: h5py.Group, definition: Definition) -> list[str]:
    """A sentence for each thing that `definition` wants and `entry` does not have."""
    found: list[str] = []
    for wanted in definition.entries:
        told = list(_in_group(entry, wanted, definition.name))
        complaints = [item for item in told if not isinstance(item, Size)]
        complaints += disagreements(item for item in told if isinstance(item, Size))
        found += [f"{definition.name}: {complaint}" for complaint in complaints]
    return list(dict.fromkeys(found))


def _in_group(group: h5py.Group, wanted: Item, definition: str) -> _Found:
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


def _wanted_group(group: h5py.Group, item: Item, definition: str) -> _Found:
    candidates = _groups(group, item.name, item.nx_class)
    what = f"a group '{item.name}' of class {item.nx_class}" if item.name else f"a group of class {item.nx_class}"
    yield from _best(candidates, item, group, what, lambda thing: _in_group(thing, item, definition))


def _choice(group: h5py.Group, item: Item, definition: str) -> _Found:
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
    check: Callable[[T], _Found],
) -> _Found:
    """What is wrong with the best of `candidates`: one that satisfies the definition is enough."""
    if candidates:
        yield from min((list(check(candidate)) for candidate in candidates), key=_faults)
    elif item.required:
        yield f"{group.name} lacks {what}."


def _faults(found: list[str | Size]) -> int:
    return sum(not isinstance(item, Size) for item in found)


def _field(field: h5py.Dataset, item: Item) -> _Found:
    kinds = _KINDS.get(item.type)
    if kinds and field.dtype.kind not in kinds:
        yield f"{field.name} is {field.dtype}, not {item.type}."
        return
    if item.type in ("NX_DATE_TIME", "ISO8601") and not _is_time(text_of(field)):
        yield f"{field.name} is no time."
    yield from _units(field, item.units)
    yield from dimension_complaints(str(field.name), field.shape, item)
    if item.allowed and str(_plain(field)) not in item.allowed:
        yield f"{field.name} is '{_plain(field)}', not one of {', '.join(item.allowed)}."
    for attribute in item.items("attribute"):
        yield from _attribute(field, attribute)


def _units(field: h5py.Dataset, category: str) -> Iterator[str]:
    if "units" not in field.attrs:
        if category not in _WITHOUT_UNITS:
            yield f"{field.name} has no units, it wants some of {category}."
    elif not belongs(units := text_of(field.attrs["units"]), category):
        yield f"{field.name} has the units '{units}', which are not some of {category}."


def _attribute(thing: h5py.Group | h5py.Dataset, item: Item) -> _Found:
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
