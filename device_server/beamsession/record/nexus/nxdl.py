"""Application definitions as they are published: NXDL, read from the site's folder of NeXus definitions.

The format is that of https://manual.nexusformat.org/nxdl.html, namespace nxdl/3.1.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_FOLDERS = ("applications", "contributed_definitions")
_NAMESPACE = "{http://definition.nexusformat.org/nxdl/3.1}"
_BASE = "NXobject"
_URL = "https://github.com/nexusformat/definitions/blob/main"


class DefinitionError(Exception):
    """A definition that is not there or cannot be read; the text is a sentence."""


class Dimension(NamedTuple):
    """One dimension of a field: `index` counts from 1, `value` is a number, a symbol or an expression of both."""

    index: int
    value: str
    required: bool


@dataclass(frozen=True)
class Item:
    """A group, field, attribute, link or choice of a definition, with what is below it."""

    element: ET.Element

    @property
    def kind(self) -> str:
        """`group`, `field`, `attribute`, `link`, `choice`."""
        return self.element.tag.removeprefix(_NAMESPACE)

    @property
    def nx_class(self) -> str:
        """Of a group."""
        return self.element.get("type", "")

    @property
    def type(self) -> str:
        """Of a field or attribute."""
        return self.element.get("type", "NX_CHAR")

    @property
    def units(self) -> str:
        """The category of a field's units; empty where it has none."""
        return self.element.get("units", "")

    @property
    def name(self) -> str:
        """Its name; empty where any is allowed."""
        name, kind = self.element.get("name", ""), self.element.get("nameType")
        if self.kind not in ("group", "field") or kind == "specified":
            return name
        # Before there was a nameType, capitals told that any name will do.
        return "" if kind is not None or name == name.upper() else name

    @property
    def label(self) -> str:
        """What a person finds in the definition."""
        return self.element.get("name") or self.nx_class

    @property
    def required(self) -> bool:
        """In an application definition all is, unless it says otherwise."""
        get = self.element.get
        if get("optional") == "true" or get("recommended") == "true" or get("deprecated"):
            return False
        if self.kind == "choice":
            return any(child.required for child in self.items("group"))
        return get("minOccurs", "1") != "0"

    @property
    def allowed(self) -> tuple[str, ...]:
        """The values of a closed enumeration; empty where any is allowed."""
        found = self.element.find(f"{_NAMESPACE}enumeration")
        if found is None or found.get("open") == "true":
            return ()
        return tuple(item.get("value", "") for item in found.findall(f"{_NAMESPACE}item"))

    @property
    def rank(self) -> int | None:
        """The number of a field's dimensions, where the definition fixes it."""
        found = self.element.find(f"{_NAMESPACE}dimensions")
        rank = "" if found is None else found.get("rank", "")
        return int(rank) if rank.isdigit() else None

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Those of a field of which the definition says a size."""
        found = self.element.find(f"{_NAMESPACE}dimensions")
        return tuple(
            Dimension(int(dim.get("index", "")), dim.get("value", ""), dim.get("required") != "false")
            for dim in (() if found is None else found.findall(f"{_NAMESPACE}dim"))
            if dim.get("index", "").isdigit() and dim.get("value") and not dim.get("incr")
        )

    def items(self, *kinds: str) -> Iterator[Item]:
        """What is directly below it."""
        for child in self.element:
            if child.tag.removeprefix(_NAMESPACE) in kinds:
                yield Item(child)


@dataclass(frozen=True)
class Definition:
    """An application definition: the entries it wants, those of the definitions that it extends first."""

    name: str
    version: str
    url: str
    entries: tuple[Item, ...]


def read_definition(folder: Path, name: str) -> Definition:
    """The definition `name` in `folder`. Raises DefinitionError."""
    entries: list[Item] = []
    version = url = ""
    wanted, seen = name, set[str]()
    while wanted != _BASE and wanted not in seen:
        seen.add(wanted)
        path = _path(folder, wanted)
        root = _parsed(path)
        entries[:0] = [item for item in Item(root).items("group") if item.nx_class in ("NXentry", "NXsubentry")]
        version = version or root.get("version", "")
        url = url or f"{_URL}/{path.parent.name}/{path.name}"
        wanted = root.get("extends", _BASE)
    if not entries:
        raise DefinitionError(f"{name} is no application definition: it has no NXentry.")
    return Definition(name, _release(folder) or version, url, tuple(entries))


def _path(folder: Path, name: str) -> Path:
    for place in _FOLDERS:
        path = folder / place / f"{name}.nxdl.xml"
        if path.is_file():
            return path
    raise DefinitionError(f"The definition {name} is not in {folder}: no applications/{name}.nxdl.xml there.")


def _parsed(path: Path) -> ET.Element:
    try:
        return ET.parse(path).getroot()
    except (OSError, ET.ParseError) as fault:
        raise DefinitionError(f"The definition {path} cannot be read ({fault}).") from fault


def _release(folder: Path) -> str:
    """The release of all definitions, which those after 2018 have instead of a version of each."""
    try:
        return (folder / "NXDL_VERSION").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
