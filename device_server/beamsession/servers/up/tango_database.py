"""The embedded Tango database and what is registered in it."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import tango

from beamsession.config import Beamline
from beamsession.model.errors import UnavailableError
from beamsession.servers.up.part import Part, free_port

_TRIES = 3
_START_S = 30.0

Entries = dict[str, Any]


def entries(beamline: Beamline, config: Path) -> Entries:
    """What the Tango database has to know of this beamline, in the JSON form that dsconfig reads."""
    names, properties = beamline.tango, {"properties": {"ConfigFile": [str(config)]}}
    found_here = [beamline.all_recorders[0], *(item for item in beamline.recorders if not item.url)]
    recorders = {item.server: {"RunRecorder": {item.device: properties}} for item in found_here}
    return {
        "servers": {
            "SessionManager": {names.instance: {"SessionManager": {names.manager: properties}}},
            "RunRecorder": recorders,
        }
    }


def register(database: tango.Database, wanted: Entries) -> None:
    """Bring the database's entries of these servers to `wanted`; others are left alone."""
    for server, instances in wanted["servers"].items():
        for instance, classes in instances.items():
            infos = [_info(f"{server}/{instance}", kind, name) for kind, devices in classes.items() for name in devices]
            database.add_server(f"{server}/{instance}", infos, with_dserver=True)
            for devices in classes.values():
                for name, device in devices.items():
                    database.put_device_property(name, device["properties"])


def _info(server: str, kind: str, name: str) -> tango.DbDevInfo:
    info = tango.DbDevInfo()
    info.server, info._class, info.name = server, kind, name
    return info


def start_database(folder: Path, log_folder: Path) -> tuple[Part, str]:
    """A Tango database on loopback with its file in `folder`; the part and its HOST:PORT.

    Raises UnavailableError TANGO_DATABASE, with what it said last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("PyDatabaseds", path=str(Path(sys.executable).parent)) or "PyDatabaseds"
    part: Part | None = None
    for _ in range(_TRIES):  # another program may take the port in between
        port = free_port()
        command = [program, "--host", "127.0.0.1", "--port", str(port), "2"]
        part = Part("tango_database", command, {"TANGO_HOST": f"127.0.0.1:{port}"}, log_folder, folder)
        part.start()
        if _answers(part, port):
            return part, f"127.0.0.1:{port}"
        part.stop()
    raise UnavailableError(
        f"The Tango database does not start: {part.last_words() if part else ''}",
        code="TANGO_DATABASE",
        remedy="Install the extra 'embedded' (pytango-db), or name an existing database in tango.host.",
    )


def _answers(part: Part, port: int) -> bool:
    until = time.monotonic() + _START_S
    while part.alive and time.monotonic() < until:
        try:
            tango.Database("127.0.0.1", port).get_db_host()
        except tango.DevFailed:
            time.sleep(0.1)
        else:
            return True
    return False
