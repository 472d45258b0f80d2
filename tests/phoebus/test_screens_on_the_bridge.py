"""Phoebus' files against a running bridge: every channel of the screens connects, and takes what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import epics
import pytest
from epics import dbr

from beamsession.config import load
from beamsession.faces.epics.pv import Kind, Pv
from beamsession.faces.phoebus.files import phoebus_files
from beamsession.faces.phoebus.main_screen import MAIN
from beamsession.faces.phoebus.site import Site, site_of
from bob import Bob, expanded
from bridge_rig import Rig, wait_until

_TYPES = {
    Kind.LONG: dbr.LONG,
    Kind.DOUBLE: dbr.DOUBLE,
    Kind.ENUM: dbr.ENUM,
    Kind.COMMAND: dbr.ENUM,
    Kind.STRING: dbr.CHAR,
    Kind.TEXT: dbr.CHAR,
}
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def site(rig: Rig) -> Site:
    return site_of(load(rig.config), "/screens")


@pytest.fixture(scope="module")
def folder(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phoebus")
    for name, text in phoebus_files(site).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def macros(folder: Path) -> dict[str, str]:
    return Bob(folder / MAIN).own_macros


@pytest.fixture(scope="module")
def channels(folder: Path, macros: dict[str, str]) -> dict[str, Any]:
    """Every channel of every screen, connected."""
    names = sorted({expanded(pv, macros) for path in folder.glob("*.bob") for pv in Bob(path).pvs})
    found: dict[str, Any] = {name: epics.PV(name, auto_monitor=False) for name in names}
    missing = [name for name, pv in found.items() if not pv.wait_for_connection(_PATIENCE_S)]
    assert not missing
    return found


def _pv(site: Site, channel: str) -> Pv:
    return site.pvs[channel.removeprefix(f"{site.prefix}{site.record_prefix}").removesuffix("$")]


def test_every_channel_of_the_screens_has_the_type_that_its_widget_needs(site: Site, channels: dict[str, Any]) -> None:
    assert len(channels) > 60
    for name, channel in channels.items():
        kind = _pv(site, name).kind
        assert epics.ca.field_type(channel.chid) == _TYPES[kind], name
        if kind in (Kind.ENUM, Kind.COMMAND):
            assert channel.get_ctrlvars(timeout=_PATIENCE_S)["enum_strs"] == _pv(site, name).choices


def test_every_channel_that_a_control_writes_can_be_written_and_no_other(
    folder: Path, macros: dict[str, str], channels: dict[str, Any]
) -> None:
    widgets = [widget for path in folder.glob("*.bob") for widget in Bob(path).widgets]
    written = {expanded(widget.pv, macros) for widget in widgets if widget.type == "textentry"}
    written |= {expanded(pv, macros) for widget in widgets for pv, _ in widget.writes}

    assert {name for name, channel in channels.items() if channel.write_access} == written


def test_the_progress_bar_gets_its_ends_from_the_pv(channels: dict[str, Any], site: Site) -> None:
    limits = channels[site.expanded("Progress")].get_ctrlvars(timeout=_PATIENCE_S)

    assert (limits["lower_disp_limit"], limits["upper_disp_limit"], limits["units"]) == (0, 100, "%")


@pytest.mark.parametrize("file", ["alarms.xml", "save-and-restore.csv"])
def test_every_channel_of_the_alarm_tree_and_of_the_save_set_answers(folder: Path, file: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    if file.endswith(".xml"):
        names = [pv.attrib["name"] for pv in ElementTree.fromstring(text).iter("pv")]
    else:
        names = [row.split(",")[0] for row in text.splitlines()[1:]]

    assert len(names) >= 7
    for name in names:
        channel = epics.PV(name, auto_monitor=False)
        assert channel.wait_for_connection(_PATIENCE_S), name
        assert channel.write_access == file.endswith(".csv")


def test_a_saved_input_is_restored_as_it_was(folder: Path, channels: dict[str, Any], site: Site) -> None:
    title = channels[site.expanded("SessionTitle")]
    saved = list("Łukasz 2θ, longer than the forty bytes of a string".encode())
    title.put(saved, wait=True, timeout=_PATIENCE_S)
    title.put(list(b"another"), wait=True, timeout=_PATIENCE_S)
    assert bytes(title.get(use_monitor=False)).rstrip(b"\0") == b"another"

    title.put(saved, wait=True, timeout=_PATIENCE_S)

    assert list(title.get(use_monitor=False))[: len(saved)] == saved


def test_the_buttons_of_the_screens_lead_a_session_from_start_to_end(
    folder: Path, macros: dict[str, str], channels: dict[str, Any], site: Site
) -> None:
    writes = {name: value for path in folder.glob("*.bob") for w in Bob(path).widgets for name, value in w.writes}

    def press(command: str) -> str:
        [(channel, value)] = [(name, value) for name, value in writes.items() if name.endswith(f"){command}")]
        channels[expanded(channel, macros)].put(int(value), wait=True, timeout=_PATIENCE_S)
        return channels[site.expanded("CommandStatus")].get(as_string=True, use_monitor=False)

    def shown(name: str) -> str:
        return channels[site.expanded(name)].get(as_string=True, use_monitor=False)

    channels[site.expanded("SessionName")].put(list(b"screens"), wait=True, timeout=_PATIENCE_S)
    assert press("Start") == "DONE"
    assert shown("SessionName_RBV") == "screens"
    assert press("Resume") == "FAILED"
    assert "not paused" in shown("CommandMessage")
    assert press("StartRun") == "DONE"
    assert press("StopRun") == "DONE"
    wait_until("the run is listed", lambda: "COMPLETED" in shown("RunsText"))
    assert shown("RunsText").split() == ["1", "COMPLETED"]
    assert press("Complete") == "DONE"
    assert shown("SessionState") == "NONE"
