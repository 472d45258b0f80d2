"""The PVs as data, and what is made of them without a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from caproto import ChannelByte, ChannelData
from caproto.asyncio.server import Context, VirtualCircuit
from pydantic import ValidationError

from beamsession.config import load
from beamsession.epics_table import EpicsTable
from beamsession.faces.epics.access import Client, WriteAccess
from beamsession.faces.epics.channels import clipped
from beamsession.faces.epics.layout import layout
from beamsession.faces.epics.pv import Kind
from beamsession.faces.epics.reading import CLOSING, Translation
from beamsession.faces.phoebus.site import site_of
from beamsession.faces.tango.manager_attributes import ALL_ROWS
from beamsession.model.errors import InvalidInputError
from beamsession.servers.up.channel_access import channel_access


def test_every_attribute_of_the_manager_has_a_pv() -> None:
    shown = {pv.attribute for pv in layout(0)}

    # The detectors' PVs are made of Completeness; Alarms tells what AlarmDetails has for programs.
    assert {row.name for row in ALL_ROWS} - shown == {"Completeness", "AlarmDetails"}


def test_names_are_unique_and_each_pv_fits_its_record() -> None:
    pvs = layout(3)

    assert len({pv.name for pv in pvs}) == len(pvs)
    for pv in pvs:
        assert bool(pv.choices) == (pv.kind in (Kind.ENUM, Kind.COMMAND)), pv.name
        assert len(pv.choices) <= 16
        assert all(len(choice) < 26 for choice in pv.choices), pv.name
        assert not pv.severities or len(pv.severities) == len(pv.choices), pv.name


def test_the_core_goes_without_caproto() -> None:
    code = "import sys, beamsession.config, beamsession.faces.epics.layout, beamsession.servers.up.main\n"
    done = subprocess.run([sys.executable, "-c", code + "assert 'caproto' not in sys.modules"], timeout=60)

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ("*@localhost", {"here"}),
        ("anna@*", {"here", "near"}),
        ("anna@10.1.0.0/16", {"near"}),
        ("*@10.1.2.3", {"near"}),
        ("*@10.2.0.0/16", set()),
        ("*@*", {"here", "near", "far"}),
    ],
)
def test_a_rule_is_matched_with_the_address_not_with_the_claimed_host(rule: str, allowed: set[str]) -> None:
    clients = {
        "here": Client("anna", "pc", "127.0.0.1", local=True),
        "near": Client("anna", "localhost", "10.1.2.3", local=False),
        "far": Client("ben", "localhost", "192.168.0.9", local=False),
    }

    assert {name for name, client in clients.items() if WriteAccess([rule]).allows(client)} == allowed


def test_who_gave_a_command_is_told_with_the_address_whatever_a_client_claims() -> None:
    forger = Client("anna\n2026 operator", "console1" * 50, "10.1.2.3", local=False)

    assert forger.text.startswith("anna2026 operator@console1")
    assert forger.text.endswith(" (10.1.2.3)")
    assert len(forger.text) < 100


def test_a_rule_without_a_host_is_refused() -> None:
    with pytest.raises(ValidationError, match="give user@host"):
        EpicsTable(write=("anna",))


def test_text_is_cut_between_letters() -> None:
    assert clipped("θ" * 30) == "θ" * 19
    assert clipped("short") == "short"


def _configured(folder: Path, table: str) -> Path:
    file = folder / "beamline.toml"
    file.write_text(f'[instrument]\nname = "b1"\n[data]\nroot = "{folder}"\n{table}')
    return file


def test_clients_are_told_where_the_bridge_is(tmp_path: Path) -> None:
    beamline = load(_configured(tmp_path, "[epics]\nport = 5070\n"))
    place = channel_access(beamline, is_simulated=False)

    assert place is not None
    assert place.prefix == "b1:Session:"
    assert place.clients({"EPICS_CA_ADDR_LIST": "ioc1"})["EPICS_CA_ADDR_LIST"] == "ioc1 127.0.0.1:5070"


def test_the_port_is_the_same_for_server_clients_and_screens(tmp_path: Path) -> None:
    beamline = load(_configured(tmp_path, '[environment]\nEPICS_CA_SERVER_PORT = "5099"\n[epics]\n'))
    place = channel_access(beamline, is_simulated=False)

    assert place is not None
    assert place.port == 5099
    assert site_of(beamline, "").address == "127.0.0.1:5099"
    assert EpicsTable(port=5070).served_port(beamline.environment) == 5070
    with pytest.raises(InvalidInputError, match="EPICS_CA_SERVER_PORT is no port: many"):
        EpicsTable().served_port({"EPICS_CA_SERVER_PORT": "many"})


def test_verdicts_are_pushed_and_read_after_the_counts_that_they_are_about() -> None:
    pushed = [row.name for row in ALL_ROWS]
    read = Translation(layout(1), ("one",)).attributes

    assert tuple(pushed[-len(CLOSING) :]) == tuple(read[-len(CLOSING) :]) == CLOSING


def test_what_the_server_takes_of_caproto_beyond_its_documentation_is_there() -> None:
    methods = {
        VirtualCircuit: (
            "_send_buffers",
            "_process_command",
            "_cull_subscriptions",
            "_get_db_entry_from_command",
            "send",
        ),
        Context: ("_subscription_queue_send", "subscription_queue_loop", "__getitem__", "run"),
        ChannelData: ("publish", "subscribe", "check_access", "write"),
        ChannelByte: ("_read",),
    }

    missing = [
        f"{owner.__name__}.{name}" for owner, names in methods.items() for name in names if not hasattr(owner, name)
    ]

    assert missing == []
    channel: Any = ChannelByte(value=b"\0", max_length=2)
    assert {"value", "timestamp"} <= set(channel._data)
    assert {"severity", "status"} <= set(channel.alarm._data)


def test_there_is_no_bridge_unless_it_is_wanted_but_always_in_a_simulation(tmp_path: Path) -> None:
    without = load(_configured(tmp_path, ""))
    off = load(_configured(tmp_path, "[epics]\nenabled = false\n"))

    assert channel_access(without, is_simulated=False) is None
    assert channel_access(off, is_simulated=True) is None
    assert channel_access(without, is_simulated=True) is not None
