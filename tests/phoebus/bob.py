"""A .bob file as tests look at it: widgets with their places, macros expanded, PVs, rules and actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_MACRO = re.compile(r"\$[({](\w+)[)}]")
# What a group in the style of a title bar takes off (Phoebus' GroupRepresentation: 2 + 1.2 font sizes, and borders).
_BORDER = 1
# Phoebus fills these in from the widget itself.
_OWN = {"pv_name", "pv_value", "actions"}


@dataclass(frozen=True)
class Area:
    """Where something is, in pixels of the whole display."""

    left: int
    top: int
    right: int
    bottom: int

    def holds(self, other: Area) -> bool:
        """Whether all of `other` lies in it."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def meets(self, other: Area) -> bool:
        """Whether they share a pixel."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Rule:
    """What makes a property: expressions of the values of PVs."""

    property: str
    expressions: tuple[str, ...]
    pvs: tuple[str, ...]


@dataclass(frozen=True)
class Widget:
    """One widget; `room` is what holds it, `inner` what it holds others in."""

    element: Element
    area: Area
    room: Area
    depth: int
    parent: Element

    @property
    def type(self) -> str:
        return self.element.attrib["type"]

    @property
    def name(self) -> str:
        return self.text("name")

    def text(self, tag: str, default: str = "") -> str:
        return self.element.findtext(tag, default)

    @property
    def pv(self) -> str:
        return self.text("pv_name")

    @property
    def rules(self) -> list[Rule]:
        return [
            Rule(
                rule.attrib["prop_id"],
                tuple(expression.attrib["bool_exp"] for expression in rule.iter("exp")),
                tuple(pv.text or "" for pv in rule.iter("pv_name")),
            )
            for rule in self.element.findall("rules/rule")
        ]

    @property
    def writes(self) -> list[tuple[str, str]]:
        """PV and value of each action that writes."""
        return [
            (action.findtext("pv_name", ""), action.findtext("value", ""))
            for action in self.element.findall("actions/action[@type='write_pv']")
        ]


class Bob:
    """A display."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = ElementTree.parse(path).getroot()
        self.area = Area(0, 0, _number(self.root, "width"), _number(self.root, "height"))

    @property
    def widgets(self) -> list[Widget]:
        """All widgets, those in groups too."""
        return list(_inside(self.root, self.area, self.area, 0))

    @property
    def own_macros(self) -> dict[str, str]:
        """What the display itself sets."""
        return {macro.tag: macro.text or "" for macro in self.root.findall("macros/*")}

    @property
    def links(self) -> list[tuple[str, dict[str, str]]]:
        """The files that it opens or embeds, with the macros that are handed on."""
        return [
            (file.text or "", {macro.tag: macro.text or "" for macro in parent.findall("macros/*")})
            for parent in self.root.iter()
            if (file := parent.find("file")) is not None
        ]

    @property
    def used_macros(self) -> set[str]:
        """The names of all macros in it."""
        texts = [text for element in self.root.iter() for text in (element.text, *element.attrib.values()) if text]
        return {name for text in texts for name in _MACRO.findall(text)} - _OWN

    @property
    def pvs(self) -> set[str]:
        """Every PV that it connects to, with its macros."""
        shown = {widget.pv for widget in self.widgets if widget.pv}
        ruled = {pv for widget in self.widgets for rule in widget.rules for pv in rule.pvs}
        return shown | ruled | {pv for widget in self.widgets for pv, _ in widget.writes}


def expanded(text: str, macros: dict[str, str]) -> str:
    """`text` with its macros filled in; KeyError for one that is not defined."""
    return _MACRO.sub(lambda found: macros[found[1]], text)


def _inside(holder: Element, room: Area, whole: Area, depth: int) -> Iterator[Widget]:
    for element in holder.findall("widget"):
        left, top = room.left + _number(element, "x"), room.top + _number(element, "y")
        area = Area(left, top, left + _number(element, "width"), top + _number(element, "height"))
        yield Widget(element, area, room, depth, holder)
        if element.attrib["type"] == "group":
            yield from _inside(element, _inner(element, area), whole, depth + 1)


def _inner(group: Element, area: Area) -> Area:
    assert group.findtext("style") == "1", "only title bars are reckoned with"
    font = group.find("font/font")
    title = 2 + int(1.2 * float(font.attrib["size"] if font is not None else 18))
    return Area(area.left + _BORDER, area.top + title + _BORDER, area.right - _BORDER, area.bottom - _BORDER)


def _number(element: Element, tag: str) -> int:
    return int(element.findtext(tag, "0"))
