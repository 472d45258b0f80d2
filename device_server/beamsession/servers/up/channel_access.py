"""Where the Channel Access bridge is served, and what its clients need to find it."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from beamsession.config import Beamline
from beamsession.epics_table import DEFAULT_PORT, EpicsTable

_PORTS = range(20_000, 32_000)  # below those that the kernel gives to connections
_ADDRESSES = "EPICS_CA_ADDR_LIST"


@dataclass(frozen=True)
class ChannelAccess:
    """The bridge's place: `prefix` begins every PV's name, `host` is where clients look for it."""

    prefix: str
    host: str
    port: int

    def clients(self, environment: Mapping[str, str]) -> dict[str, str]:
        """`environment` for clients that find the bridge beside what they found before."""
        before = environment.get(_ADDRESSES) or os.environ.get(_ADDRESSES, "")
        return {**environment, _ADDRESSES: f"{before} {self.host}:{self.port}".strip()}


def channel_access(beamline: Beamline, *, is_simulated: bool) -> ChannelAccess | None:
    """The bridge of a beamline, None where it is to have none; a simulated one has it always, at a free port."""
    table = beamline.epics or (EpicsTable() if is_simulated else None)
    if table is None or not table.enabled:
        return None
    if table.port:
        port = table.port
    elif is_simulated:
        port = _free_port(table.interface)
    else:
        port = table.served_port({**os.environ, **beamline.environment})
    host = socket.gethostname() if table.interface == "0.0.0.0" else table.interface
    return ChannelAccess(table.full_prefix(beamline.instrument.name), host, port)


def _free_port(interface: str) -> int:
    """A port that nobody has now, for UDP and TCP."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((interface, port))
                udp.bind((interface, port))
            except OSError:
                continue
            return port
    return DEFAULT_PORT
