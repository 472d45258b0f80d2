"""The Pogo files say what running devices say of themselves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import tango
from docs.generate.pogo import TYPES, XSI

_POGO = Path(__file__).parent.parent.parent / "pogo"
_START_S = 90.0
_DEVICE = "test/pogo/device"
_EVERY_DEVICE_HAS = {"Init", "State", "Status"}
_CONFIG = """
state_dir = "{folder}/state"

[instrument]
name = "test"

[data]
root = "{folder}"

[tango]
recorder_url = "tango://127.0.0.1:1/test/pogo/nobody#dbase=no"
"""
_SERVERS = {"SessionManager": "beamsession.servers.manager", "RunRecorder": "beamsession.servers.recorder"}


@pytest.fixture(scope="module", params=_SERVERS)
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tango.DeviceProxy]:
    """One device of each class, in its real server, without a Tango database."""
    folder = tmp_path_factory.mktemp(request.param)
    config = folder / "beamline.toml"
    config.write_text(_CONFIG.format(folder=folder))
    with _server(_SERVERS[request.param], config, folder / "log") as proxy:
        yield proxy


@contextmanager
def _server(module: str, config: Path, log: Path) -> Iterator[tango.DeviceProxy]:
    port = _free_port()
    options = ["-nodb", "-dlist", _DEVICE, "-ORBendPoint", f"giop:tcp:127.0.0.1:{port}"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BEAMSESSION_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "pogo", *options],
            env=environment | {"BEAMSESSION_CONFIG": str(config)},
            stdout=output,
            stderr=output,
        )
    try:
        proxy = _answering(f"tango://127.0.0.1:{port}/{_DEVICE}#dbase=no", process, log)
        yield proxy
    finally:
        process.terminate()
        process.wait(60)


def _answering(address: str, process: subprocess.Popen[bytes], log: Path) -> tango.DeviceProxy:
    until = time.monotonic() + _START_S
    while True:
        try:
            proxy = tango.DeviceProxy(address)
            proxy.ping()
        except tango.DevFailed:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.05)
        else:
            return proxy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _description(device: tango.DeviceProxy) -> Element:
    found = ElementTree.parse(_POGO / f"{device.info().dev_class}.xmi").getroot().find("classes")
    assert found is not None
    return found


def _type(parent: Element, path: str) -> str:
    found = parent.find(path)
    assert found is not None
    return found.attrib[f"{{{XSI}}}type"].removeprefix("pogoDsl:")


def test_the_commands_of_the_file_are_those_of_the_device(device: tango.DeviceProxy) -> None:
    described = {
        item.attrib["name"]: (_type(item, "argin/type"), _type(item, "argout/type"))
        for item in _description(device).iterfind("commands")
        if item.attrib["name"] not in _EVERY_DEVICE_HAS
    }
    real = {
        item.cmd_name: (TYPES[item.in_type], TYPES[item.out_type])
        for item in device.command_list_query()
        if item.cmd_name not in _EVERY_DEVICE_HAS
    }

    assert described == real


def test_the_attributes_of_the_file_are_those_of_the_device(device: tango.DeviceProxy) -> None:
    described = {
        item.attrib["name"]: (
            _type(item, "dataType"),
            item.attrib["attType"].upper(),
            item.attrib["rwType"],
            int(item.attrib["maxX"]),
            _properties(item)["unit"],
            _properties(item)["description"],
            [label.text for label in item.iterfind("enumLabels")],
        )
        for item in _description(device).iterfind("attributes")
    }
    real = {
        item.name: (
            TYPES[tango.CmdArgType(item.data_type)],
            str(item.data_format),
            str(item.writable),
            item.max_dim_x,
            item.unit,
            item.description,
            list(item.enum_labels),
        )
        for item in device.attribute_list_query_ex()
        if item.name not in _EVERY_DEVICE_HAS
    }

    assert described == real


def test_the_device_is_in_a_state_that_the_file_describes(device: tango.DeviceProxy) -> None:
    described = {item.attrib["name"] for item in _description(device).iterfind("states")}

    assert str(device.state()) in described


@pytest.mark.parametrize("name", _SERVERS)
def test_the_file_is_what_pogo_reads(name: str) -> None:
    content = (_POGO / f"{name}.xmi").read_bytes()
    root = ElementTree.fromstring(content)

    assert content.isascii()
    assert root.tag == "{http://www.esrf.fr/tango/pogo/PogoDsl}PogoSystem"
    [described] = root
    assert (described.tag, described.attrib["name"]) == ("classes", name)
    assert [item.attrib["name"] for item in described.iterfind("deviceProperties")] == ["ConfigFile"]


def _properties(attribute: Element) -> dict[str, str]:
    found = attribute.find("properties")
    assert found is not None
    return found.attrib
