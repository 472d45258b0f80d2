"""The screens as files: every PV is one of the bridge's, every control fits what it writes, nothing lies on another."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from beamsession.faces.epics.pv import Kind, Pv
from beamsession.faces.phoebus.alarm_tree import NOT_IN_TREE
from beamsession.faces.phoebus.enabling import allowed, enabling
from beamsession.faces.phoebus.files import phoebus_files
from beamsession.faces.phoebus.main_screen import MAIN
from beamsession.faces.phoebus.site import Site
from beamsession.model.situation import Command
from beamsession.model.states import RunState, SessionState
from bob import Bob, Widget, expanded

_SITE = Site("p99", "BL99P:", "SES:", detectors=30, displays="https://screens.example.org/p99")
_MACROS = {"P": "BL99P:", "R": "SES:"}
_CONTROLS = {"textentry", "action_button"}
_SCREEN = (1280, 800)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phoebus")
    for name, text in phoebus_files(_SITE).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def displays(folder: Path) -> dict[str, Bob]:
    return {path.name: Bob(path) for path in sorted(folder.glob("*.bob"))}


@pytest.fixture(scope="module")
def widgets(displays: dict[str, Bob]) -> list[Widget]:
    return [widget for display in displays.values() for widget in display.widgets]


def _pv(channel: str) -> Pv:
    """The PV behind a channel; a string's channel must be the one that carries all of it."""
    name = expanded(channel, _MACROS).removeprefix("BL99P:SES:")
    pv = _SITE.pvs[name.removesuffix("$")]
    assert name.endswith("$") == (pv.kind is Kind.STRING), f"{name} cuts the text, or is no text"
    return pv


def test_every_pv_of_the_screens_is_one_of_the_bridge(displays: dict[str, Bob]) -> None:
    channels = set().union(*(display.pvs for display in displays.values()))

    assert len(channels) > 60
    assert all(channel.startswith("$(P)$(R)") for channel in channels)
    assert {_pv(channel).name for channel in channels} <= set(_SITE.pvs)


def test_every_command_and_input_of_the_layout_is_on_a_screen(widgets: list[Widget]) -> None:
    written = {_pv(widget.pv).name for widget in widgets if widget.type == "textentry"}
    written |= {_pv(pv).name for widget in widgets for pv, _ in widget.writes}

    # A token is a secret: it is not typed in clear on a screen that others see.
    assert {pv.name for pv in _SITE.pvs.values() if pv.writable} - written == {"Unlock"}


def test_every_detector_has_a_row(displays: dict[str, Bob]) -> None:
    shown = {_pv(channel).name for channel in displays["detectors.bob"].pvs}

    assert shown == {name for name in _SITE.pvs if name.startswith("Det") and ":" in name}
    assert len(shown) == 30 * 6


def test_every_macro_is_set_and_handed_on(displays: dict[str, Bob]) -> None:
    main = displays[MAIN]

    assert main.own_macros == _MACROS
    for file, handed_on in main.links:
        page = displays[file]
        assert page.used_macros <= set(handed_on) == {"P", "R"}
        assert {name: expanded(text, main.own_macros) for name, text in handed_on.items()} == _MACROS
        # What a page sets itself would win over what it is given.
        assert not page.own_macros


def test_every_linked_file_exists_and_every_display_is_reached(displays: dict[str, Bob]) -> None:
    linked = {file for display in displays.values() for file, _ in display.links}

    assert linked == set(displays) - {MAIN}


def test_every_widget_lies_inside_what_holds_it_and_on_no_other(displays: dict[str, Bob]) -> None:
    for display in displays.values():
        by_holder: dict[int, list[Widget]] = {}
        for widget in display.widgets:
            assert widget.room.holds(widget.area), f"{display.path.name}: {widget.name} sticks out"
            by_holder.setdefault(id(widget.parent), []).append(widget)
        for neighbours in by_holder.values():
            solid = [widget for widget in neighbours if widget.name != "bar"]
            for one, other in itertools.combinations(solid, 2):
                assert not one.area.meets(other.area), f"{display.path.name}: {one.name} lies on {other.name}"


def test_the_screens_fit_a_small_monitor_and_their_tabs_hold_the_pages(displays: dict[str, Bob]) -> None:
    main = displays[MAIN]
    [tabs] = [widget for widget in main.widgets if widget.type == "navtabs"]
    room = (tabs.area.right - tabs.area.left, tabs.area.bottom - tabs.area.top - int(tabs.text("tab_height")))

    assert main.area.right <= _SCREEN[0]
    assert main.area.bottom <= _SCREEN[1] - 90, "Phoebus' own menu and tool bar need room"
    for name, page in displays.items():
        if name != MAIN:
            assert page.area.right <= room[0]
            assert page.area.bottom <= room[1] or name == "detectors.bob"


def test_a_page_of_few_detectors_needs_no_scrolling(tmp_path: Path) -> None:
    file = tmp_path / "detectors.bob"
    file.write_text(phoebus_files(Site("p99", "P:", "R:", detectors=14))["detectors.bob"], encoding="utf-8")

    assert Bob(file).area.bottom == Bob(file).widgets[0].area.bottom + 8 <= 512


def test_every_control_writes_what_its_pv_takes(widgets: list[Widget]) -> None:
    for widget in widgets:
        for channel, value in widget.writes:
            pv = _pv(channel)
            assert pv.writable
            assert pv.kind is Kind.COMMAND
            assert pv.choices[int(value)] == pv.name, "1 is go"
        if widget.type == "textentry":
            pv = _pv(widget.pv)
            assert pv.writable
            as_text = widget.text("format") == "6"
            assert as_text == (pv.kind in (Kind.STRING, Kind.TEXT))
            assert as_text or pv.kind is Kind.LONG
        if widget.type not in _CONTROLS:
            assert not widget.writes


def test_text_is_shown_as_text_and_states_with_all_their_choices(widgets: list[Widget]) -> None:
    for widget in widgets:
        if widget.type == "textupdate":
            kind = _pv(widget.pv).kind
            assert (widget.text("format") == "6") == (kind in (Kind.STRING, Kind.TEXT)), widget.name
            assert kind not in (Kind.STRINGS, Kind.LONGS), "an array in one line cannot be read"
        if widget.type == "multi_state_led":
            states = widget.element.findall("states/state")
            labels = [state.findtext("label", "").replace(" ", "_") for state in states]
            assert labels == list(_pv(widget.pv).choices)
            assert [state.findtext("value") for state in states] == [str(number) for number in range(len(states))]


def test_what_cannot_be_taken_back_asks_first(widgets: list[Widget]) -> None:
    asking = {
        _pv(widget.writes[0][0]).name
        for widget in widgets
        if widget.writes and widget.text("show_confirm_dialog") == "true" and widget.text("confirm_message")
    }
    buttons = {_pv(widget.writes[0][0]).name for widget in widgets if widget.writes}

    assert asking == {"Start", "Complete", "Cancel", "AbortRun"}
    silent = [widget for widget in widgets if widget.writes and widget.text("show_confirm_dialog") != "true"]
    assert {_pv(widget.writes[0][0]).name for widget in silent} == buttons - asking


def _true(expression: str, values: list[int]) -> bool:
    """A rule's expression as Phoebus evaluates it: in Python, with the logical signs replaced."""
    python = expression.replace("&&", " and ").replace("||", " or ")
    return bool(eval(python, {f"pvInt{number}": value for number, value in enumerate(values)}))


def test_every_command_can_be_pressed_only_when_it_is_allowed(widgets: list[Widget]) -> None:
    commands = [widget for widget in widgets if widget.writes or (widget.pv and _pv(widget.pv).verb)]
    assert commands
    for widget in commands:
        pv = _pv(widget.writes[0][0] if widget.writes else widget.pv)
        [rule] = widget.rules
        when = enabling(pv.verb)
        assert widget.text("enabled") == "false", "nothing can be pressed before the PVs are connected"
        assert rule.property == "enabled"
        assert rule.expressions == (when.expression,)
        assert [_pv(channel).name for channel in rule.pvs] == list(when.pvs)


@pytest.mark.parametrize("command", Command)
def test_the_rule_of_a_command_says_what_the_table_says(command: Command) -> None:
    when = enabling(command.value)
    for session, run, connected, busy, runs in itertools.product(
        SessionState, RunState, (False, True), (False, True), (0, 2)
    ):
        values = {
            "Connected": int(connected),
            "CommandStatus": int(busy),
            "SessionState": list(SessionState).index(session),
            "RunState": list(RunState).index(run),
            "RunCount": runs,
        }
        expected = connected and not busy and allowed(command, session, run)
        if command is Command.CANCEL:
            expected = expected and runs == 0

        assert _true(when.expression, [values[name] for name in when.pvs]) == expected, (session, run)


def test_a_command_that_fits_every_state_needs_only_a_free_bridge() -> None:
    assert enabling("alarm_acknowledge").pvs == enabling("session_start").pvs == ("Connected", "CommandStatus")


def test_the_alarm_tree_has_every_pv_that_alarms_with_what_to_do(folder: Path, displays: dict[str, Bob]) -> None:
    tree = ElementTree.parse(folder / "alarms.xml").getroot()
    names = [pv.attrib["name"].removeprefix("BL99P:SES:") for pv in tree.iter("pv")]

    assert tree.attrib["name"] == "p99"
    assert len(set(names)) == len(names)
    assert set(names) | set(NOT_IN_TREE) == {pv.name for pv in _SITE.pvs.values() if pv.alarmed}
    for pv in tree.iter("pv"):
        assert pv.findtext("enabled") == "true"
        assert pv.findtext("latching") in ("true", "false")
        assert int(pv.findtext("delay", "")) >= 0
        assert len(pv.findtext("description", "")) > 10
        assert len(pv.findtext("guidance/details", "")) > 40
        for details in (text.text or "" for text in pv.findall("display/details")):
            file = details.removeprefix(f"{_SITE.displays}/").partition("?")
            assert file[0] in displays
            assert file[2] == "P=BL99P%3A&R=SES%3A"


def test_the_save_set_has_all_inputs_and_nothing_that_acts(folder: Path) -> None:
    header, *rows = (folder / "save-and-restore.csv").read_text(encoding="utf-8").splitlines()
    names = [row.split(",")[0] for row in rows]

    assert header == "PV,READBACK,READ_ONLY"
    inputs = {pv.name for pv in _SITE.pvs.values() if pv.writable and not pv.verb}
    assert {_pv(name).name for name in names} == inputs
    assert all(row.endswith(",,0") for row in rows)


def test_the_settings_name_the_main_screen_and_its_macros(folder: Path) -> None:
    lines = (folder / "settings.ini").read_text(encoding="utf-8").splitlines()
    entries = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert entries["org.csstudio.display.builder.model/macros"] == "<P>BL99P:</P><R>SES:</R>"
    assert entries["org.phoebus.ui/top_resources"] == f"{_SITE.display(MAIN)},Session"
    assert "org.phoebus.pv.ca/addr_list" not in entries, "nobody knows the address of this one"
