"""Free ports on loopback, and the environment with which EPICS servers and clients stay there.

Several servers share one host, so each has ports of its own and the clients' address lists name them all.
One more port is chosen and belongs to nobody: it stands in ``EPICS_CA_SERVER_PORT`` and in the address
list, so a further Channel Access server started with the client environment is found as well.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum

HOST = "127.0.0.1"

# Below the range the kernel takes for outgoing connections, above the well-known servers.
_PORTS = range(20_000, 32_000)


class Server(StrEnum):
    """The EPICS servers of the simulated beamline; the values name them in the ready file."""

    SOFT_IOC = "soft_ioc"
    CAPROTO_IOC = "caproto_ioc"
    PVA_DETECTOR = "pva_detector"


def free_port() -> int:
    """A port that is free now, for one more server."""
    return _free_ports(1)[0]


@dataclass(frozen=True, slots=True)
class Loopback:
    """Ports that belong together: one beamline, or one set of clients."""

    soft_ioc_ca: int
    soft_ioc_pva: int
    soft_ioc_pva_search: int
    caproto_ca: int
    detector_pva: int
    detector_pva_search: int
    ca_repeater: int
    pva_beacons: int
    spare_ca: int

    @classmethod
    def choose(cls) -> Loopback:
        """Take nine ports that are free now, for TCP and UDP alike."""
        return cls(*_free_ports(9))

    def client_environment(self) -> dict[str, str]:
        """What a client needs to reach every server, and no host but this one.

        To be set before pyepics, p4p or caproto is imported.
        """
        ca_ports = (self.soft_ioc_ca, self.caproto_ca, self.spare_ca)
        pva_ports = (self.soft_ioc_pva_search, self.detector_pva_search)
        return {
            "EPICS_CA_ADDR_LIST": " ".join(f"{HOST}:{port}" for port in ca_ports),
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(self.spare_ca),
            "EPICS_CA_REPEATER_PORT": str(self.ca_repeater),
            "EPICS_CAS_INTF_ADDR_LIST": HOST,
            "EPICS_CAS_BEACON_ADDR_LIST": HOST,
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_PORT": str(self.ca_repeater),
            "EPICS_PVA_ADDR_LIST": " ".join(f"{HOST}:{port}" for port in pva_ports),
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
            "EPICS_PVA_BROADCAST_PORT": str(self.pva_beacons),
            "EPICS_PVA_INTF_ADDR_LIST": HOST,
            "EPICS_PVAS_INTF_ADDR_LIST": HOST,
            "EPICS_PVAS_BEACON_ADDR_LIST": f"{HOST}:{self.pva_beacons}",
            "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        }

    def server_environment(self, server: Server) -> dict[str, str]:
        """The client environment and the ports on which this server listens."""
        return self.client_environment() | self._own_ports(server)

    def _own_ports(self, server: Server) -> dict[str, str]:
        match server:
            case Server.SOFT_IOC:
                return {
                    "EPICS_CAS_SERVER_PORT": str(self.soft_ioc_ca),
                    "EPICS_PVAS_SERVER_PORT": str(self.soft_ioc_pva),
                    "EPICS_PVAS_BROADCAST_PORT": str(self.soft_ioc_pva_search),
                }
            case Server.CAPROTO_IOC:
                # caproto takes its server port from the client's variable.
                return {"EPICS_CA_SERVER_PORT": str(self.caproto_ca)}
            case Server.PVA_DETECTOR:
                return {
                    "EPICS_PVAS_SERVER_PORT": str(self.detector_pva),
                    "EPICS_PVAS_BROADCAST_PORT": str(self.detector_pva_search),
                }


def _free_ports(count: int) -> list[int]:
    """Distinct ports; each stays bound until all are found, so no two are the same."""
    with ExitStack() as held:
        ports: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            with suppress(OSError):
                _hold(port, held)
                ports.append(port)
            if len(ports) == count:
                return ports
    raise OSError(f"fewer than {count} ports are free on {HOST}; end some servers and try again")


def _hold(port: int, held: ExitStack) -> None:
    with ExitStack() as attempt:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            attempt.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))
        held.enter_context(attempt.pop_all())
