"""The bridge's process: reads the configuration, keeps Channel Access where it may be, and serves."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from beamsession.config import Beamline, load
from beamsession.epics_table import EpicsTable
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.servers.logs import log_to_stderr

_log = logging.getLogger(__name__)
_LISTEN_S = 20.0
_SWITCH_S = 0.0005
_NICE = 5  # a storm of clients takes the processor from nobody who records


def main() -> None:
    """`--config FILE`: serve until SIGTERM or SIGINT; exit code 1 with one sentence when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m beamsession.servers.bridge", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the beamline's TOML file")
    parser.add_argument(
        "--manager", default="", metavar="ADDRESS", help="the manager's full address where no Tango database knows it"
    )
    parser.add_argument("--port", type=int, default=0, help="the server's port; wins over the configuration")
    arguments = parser.parse_args()
    os.nice(_NICE)
    sys.setswitchinterval(_SWITCH_S)  # the loop does not wait long for the threads that hear Tango
    log_to_stderr()
    logging.getLogger("caproto").setLevel(logging.WARNING)
    logging.getLogger("caproto.ctx").addFilter(_is_no_beacon)
    try:
        beamline = load(arguments.config)
        table = beamline.epics or EpicsTable()
        os.environ.update({**beamline.environment, **_environment(beamline, table, arguments.port)})
        asyncio.run(_serve(beamline, table, arguments.manager or _address(beamline)))
    except BeamsessionError as fault:
        print(fault.text, file=sys.stderr)
        sys.exit(1)
    # Threads that wait for a manager that is away cannot be joined; nothing here must last.
    logging.shutdown()
    os._exit(0)


def _is_no_beacon(record: logging.LogRecord) -> bool:
    """Beacons that nobody hears, because no client runs here, are no news."""
    return not str(record.msg).startswith("Failed to send beacon")


async def _serve(beamline: Beamline, table: EpicsTable, device: str) -> None:
    try:
        # Only now: caproto reads the environment, and the core goes without it.
        from beamsession.faces.epics.access import WriteAccess
        from beamsession.servers.bridge.bridge import Bridge, serve
    except ModuleNotFoundError as fault:
        if fault.name is None or not fault.name.startswith("caproto"):
            raise
        raise UnavailableError(
            "The bridge needs caproto, which is not installed.",
            code="NOT_INSTALLED",
            remedy="Install the extra 'epics'.",
        ) from fault
    prefix = table.full_prefix(beamline.instrument.name)
    bridge = Bridge(beamline, device, prefix, WriteAccess(table.write), table.interface)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    announcing = asyncio.create_task(_announce(bridge, beamline, prefix, int(os.environ["EPICS_CA_SERVER_PORT"])))
    try:
        await serve(bridge, stop)
    finally:
        announcing.cancel()


async def _announce(bridge: object, beamline: Beamline, prefix: str, port: int) -> None:
    """Tell `up` that the server listens: its process id in a file of the state folder."""
    until = asyncio.get_running_loop().time() + _LISTEN_S
    while (found := getattr(bridge, "port", None)) is None:
        if asyncio.get_running_loop().time() > until:
            return
        await asyncio.sleep(0.02)
    if found != port:
        _log.warning("port %d is taken: TCP is served at %d, searches are answered at %d", port, found, port)
    _log.info("%s* is served at port %d", prefix, found)
    if beamline.state_dir is not None:
        beamline.state.mkdir(parents=True, exist_ok=True)
        (beamline.state / "bridge.ready").write_text(str(os.getpid()), encoding="utf-8")


def _environment(beamline: Beamline, table: EpicsTable, port: int) -> dict[str, str]:
    """What caproto's server is told by its environment; nothing leaves this host where only it is served."""
    chosen = port or table.served_port({**os.environ, **beamline.environment})
    local = {"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO", "EPICS_CAS_BEACON_ADDR_LIST": table.interface}
    return {
        "EPICS_CA_SERVER_PORT": str(chosen),
        "EPICS_CAS_SERVER_PORT": str(chosen),
        "EPICS_CAS_INTF_ADDR_LIST": table.interface,
        **(local if table.is_local else {}),
    }


def _address(beamline: Beamline) -> str:
    tango = beamline.tango
    return f"tango://{tango.host}/{tango.manager}" if tango.host else tango.manager
