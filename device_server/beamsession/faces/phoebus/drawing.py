"""Widgets of a Phoebus display in one look, on phoebusgen: labels, values, inputs, lamps and buttons on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from xml.etree import ElementTree

import phoebusgen
from phoebusgen import widget as widgets
from phoebusgen.screen import Screen

from beamsession.faces.epics.pv import Kind, Pv
from beamsession.faces.phoebus import palette
from beamsession.faces.phoebus.enabling import Enabling, enabling
from beamsession.faces.phoebus.site import Site, channel

ROW = 26
"""Height of a line of text, an input or a button."""
GAP = 8
STEP = ROW + 6
"""From one line to the next."""
TITLE_BAR = 18
"""What Phoebus takes off a group's height for its title (in the font Default Bold) and borders."""
BORDERS = 2
_MACROS = "$(P)$(R)"


@dataclass(frozen=True)
class Place:
    """Where a widget is, in pixels inside what holds it."""

    x: int
    y: int
    width: int
    height: int = ROW

    @property
    def below(self) -> int:
        """The y of what comes next below it."""
        return self.y + self.height + GAP


class _Holder(Protocol):
    root: Any

    def add_widget(self, elem: Any) -> None: ...


class Panel:
    """A display or a group in it, to which widgets are added; PVs are named as in the layout, without the prefix."""

    def __init__(self, site: Site, holder: _Holder, width: int, height: int) -> None:
        self.site = site
        self.width = width
        self.height = height
        self._holder = holder

    def group(self, title: str, place: Place) -> Panel:
        """A titled box; what is added to it has coordinates inside it."""
        box = widgets.Group(title, place.x, place.y, place.width, place.height)
        box.style_title_bar()
        box.predefined_font(_font("DefaultBold"))
        box.predefined_line_color(_colour(palette.CALM))
        box.predefined_foreground_color(_colour(palette.TEXT))
        box.predefined_background_color(_colour(palette.PAPER))
        self._holder.add_widget(box)
        return Panel(self.site, box, place.width - BORDERS, place.height - BORDERS - TITLE_BAR)

    def bar(self, place: Place) -> None:
        """A filled strip behind a heading."""
        strip = widgets.Rectangle("bar", place.x, place.y, place.width, place.height)
        strip.predefined_background_color(_colour(palette.HEADER))
        strip.line_width(0)
        self._holder.add_widget(strip)

    def label(self, text: str, place: Place, *, font: str = "Default", colour: str = palette.TEXT) -> None:
        """Text that never changes (but for macros in it)."""
        label = widgets.Label(text, text, place.x, place.y, place.width, place.height)
        label.predefined_font(_font(font))
        label.predefined_foreground_color(_colour(colour))
        label.vertical_alignment_middle()
        self._holder.add_widget(label)

    def value(
        self, name: str, place: Place, *, font: str = "Default", at_right: bool = False, columns: bool = False
    ) -> None:
        """The value of a PV; text of several lines starts at the top, text in `columns` is not wrapped."""
        pv = self.site.pvs[name]
        shown = widgets.TextUpdate(name, _MACROS + channel(pv), place.x, place.y, place.width, place.height)
        shown.predefined_font(_font(font))
        if pv.kind in (Kind.STRING, Kind.TEXT):
            shown.format("string")
        elif pv.kind is Kind.DOUBLE:
            shown.format("decimal")
            shown.precision(pv.precision)
        if columns:
            shown.font_family("Liberation Mono")
            shown.wrap_words(False)
        elif place.height <= ROW:
            shown.vertical_alignment_middle()
            shown.wrap_words(False)
        if at_right:
            shown.horizontal_alignment_right()
        shown.tool_tip(_tip(pv))
        self._holder.add_widget(shown)

    def entry(self, name: str, place: Place, verb: str = "") -> None:
        """An input; one that acts on a write can be used only when `verb` can."""
        pv = self.site.pvs[name]
        entry = widgets.TextEntry(name, _MACROS + channel(pv), place.x, place.y, place.width, place.height)
        entry.version("3.0.0")  # 2.0.0, which phoebusgen writes, is read as a legacy text input
        if pv.kind in (Kind.STRING, Kind.TEXT):
            entry.format("string")
        if place.height > ROW:
            entry.multi_line(True)
            entry.wrap_words(True)
        entry.tool_tip(_tip(pv))
        if verb:
            _enable(entry, enabling(verb))
        self._holder.add_widget(entry)

    def lamp(self, name: str, place: Place) -> None:
        """An enumeration as a coloured field with its text."""
        pv = self.site.pvs[name]
        lamp = widgets.LEDMultiState(name, _MACROS + pv.name, place.x, place.y, place.width, place.height)
        for index, (choice, colour) in enumerate(zip(pv.choices, palette.state_colours(name, pv.choices), strict=True)):
            lamp.state_predefined_color(index, choice.replace("_", " "), _colour(colour))
        lamp.fallback_label("unknown")
        lamp.predefined_fallback_color(_colour(palette.INVALID))
        lamp.square(True)
        lamp.tool_tip(_tip(pv))
        self._holder.add_widget(lamp)

    def progress(self, name: str, place: Place) -> None:
        """A bar; its ends are the PV's limits."""
        pv = self.site.pvs[name]
        bar = widgets.ProgressBar(name, _MACROS + pv.name, place.x, place.y, place.width, place.height)
        bar.limits_from_pv(True)
        bar.predefined_fill_color(_colour(palette.ACTIVE))
        bar.tool_tip(_tip(pv))
        self._holder.add_widget(bar)

    def button(self, name: str, text: str, place: Place, confirm: str = "") -> None:
        """A button for a command, to be pressed when the command is allowed; `confirm` is asked first."""
        pv = self.site.pvs[name]
        button = widgets.ActionButton(name, text, "", place.x, place.y, place.width, place.height)
        button.remove_element("pv_name")
        button.action_write_pv(_MACROS + pv.name, 1, text)
        if confirm:
            button.confirmation_dialog(confirm)
        button.tool_tip(pv.doc)
        _enable(button, enabling(pv.verb))
        self._holder.add_widget(button)

    def tabs(self, pages: dict[str, str], place: Place, tab_height: int) -> None:
        """Displays (file by title) in one place; they get the macros of this one."""
        tabs = widgets.NavigationTabs("pages", place.x, place.y, place.width, place.height)
        for title, file in pages.items():
            tabs.tab(title, file, "", {"P": "$(P)", "R": "$(R)"})
        tabs.tab_direction_horizontal()
        tabs.tab_width(150)
        tabs.tab_height(tab_height)
        tabs.tab_spacing(2)
        tabs.active_tab(0)
        self._holder.add_widget(tabs)


class Display(Panel):
    """A whole display, which becomes one file."""

    def __init__(self, site: Site, title: str, width: int, height: int) -> None:
        self._screen = Screen(title)
        self._screen.width(width)
        self._screen.height(height)
        super().__init__(site, self._screen, width, height)

    def macros(self) -> None:
        """Set P and R where whoever opens the display does not."""
        self._screen.macro("P", self.site.prefix)
        self._screen.macro("R", self.site.record_prefix)

    def as_xml(self) -> str:
        """The text of the .bob file."""
        root = self._screen.root
        ElementTree.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _enable(control: Any, when: Enabling) -> None:
    # Disabled in the file: so it stays until all PVs of the rule are connected.
    control.enabled(False)
    pvs = {_MACROS + name: True for name in when.pvs}
    control.rule("only when it is allowed", "enabled", pvs, {when.expression: "true"})


def _tip(pv: Pv) -> str:
    return f"{pv.doc}\n$(pv_name)\n$(pv_value)"


def _colour(name: str) -> Any:
    return phoebusgen.colors[name]


def _font(name: str) -> Any:
    return phoebusgen.fonts[name]
