"""`SessionManager <instance>`: the Tango server; each device is one instrument with its own configuration file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tango.server import run

from beamsession.config import load
from beamsession.faces.tango.manager_service import ManagerService
from beamsession.faces.tango.recorders import tango_recorders
from beamsession.faces.tango.session_manager import SessionManager
from beamsession.model.errors import InvalidInputError
from beamsession.servers.logs import log_to_stderr
from beamsession.servers.manager.service import InstrumentService


def make_service(device: str, config_file: str) -> ManagerService:
    """The started service of one device, by its ConfigFile property or else by BEAMSESSION_CONFIG."""
    path = config_file or os.environ.get("BEAMSESSION_CONFIG", "")
    if not path:
        raise InvalidInputError(
            f"{device} has no configuration.",
            code="BAD_CONFIG",
            remedy="Set the device property ConfigFile, or the variable BEAMSESSION_CONFIG, to its TOML file.",
        )
    beamline = load(Path(path))
    service = InstrumentService(beamline, tango_recorders(beamline))
    service.start()
    return service


def main() -> None:
    """Run the server with Tango's own command line: `SessionManager <instance> [-v4] [-nodb -dlist a/b/c]`."""
    log_to_stderr()
    SessionManager.factory = staticmethod(make_service)
    run([SessionManager], args=["SessionManager", *sys.argv[1:]])


if __name__ == "__main__":
    main()
