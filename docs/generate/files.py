"""Every generated file of the repository with the function that makes its text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from docs.generate.configuration_page import configuration_page, schema_text
from docs.generate.device_page import device_page
from docs.generate.epics_page import archiver_text, epics_page
from docs.generate.interface import interface_of
from docs.generate.phoebus_files import simulated_phoebus
from docs.generate.pogo import pogo_text
from docs.generate.scripting_page import scripting_page
from docs.generate.states_page import states_page
from docs.generate.tango_entries import entries_text
from docs.generate.verbs_page import verbs_page
from tango.server import Device

from beamsession.faces.tango.run_recorder import RunRecorder
from beamsession.faces.tango.session_manager import SessionManager
from beamsession.model.ports import RecorderPort

ROOT = Path(__file__).parent.parent.parent
_DEVICES: dict[type[Device], type | None] = {SessionManager: None, RunRecorder: RecorderPort}
"""Each device class, with the port that it serves."""


def _pogo_file(device: type[Device], port: type | None) -> str:
    return pogo_text(interface_of(device, port))


def _phoebus_file(name: str) -> str:
    return simulated_phoebus()[name]


GENERATED: dict[str, Callable[[], str]] = {
    "docs/reference/states-and-commands.md": states_page,
    "docs/reference/verbs.md": verbs_page,
    "docs/reference/scripting.md": scripting_page,
    "docs/reference/configuration.md": configuration_page,
    "docs/reference/configuration.schema.json": schema_text,
    "docs/reference/tango-device.md": lambda: device_page([interface_of(*device) for device in _DEVICES.items()]),
    "docs/reference/epics-pvs.md": epics_page,
    "db/archiver.txt": archiver_text,
    "db/tango.json": entries_text,
    **{f"deploy/phoebus/{name}": partial(_phoebus_file, name) for name in simulated_phoebus()},
    **{f"pogo/{device.__name__}.xmi": partial(_pogo_file, device, port) for device, port in _DEVICES.items()},
}
"""Paths relative to the repository's root."""


def is_current(path: str) -> bool:
    """Whether the file says what its generator would write now."""
    file = ROOT / path
    return file.is_file() and file.read_text(encoding="utf-8") == GENERATED[path]()
