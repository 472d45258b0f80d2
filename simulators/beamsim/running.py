"""A simulated beamline that runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from beamsim.processes import ServerProcesses
from beamsim.pvs import Pv


@dataclass(frozen=True, slots=True)
class Beamline:
    """A beamline that answers."""

    prefix: str
    environment: dict[str, str]
    """What a client needs, to be set before it imports an EPICS library."""
    pvs: tuple[Pv, ...]
    catalogue_url: str | None
    _servers: ServerProcesses = field(repr=False)
    tango_motor: str | None = None
    """The device of the motor that is one."""

    @property
    def pids(self) -> dict[str, int]:
        """Process id by role."""
        return self._servers.pids

    def watch(self) -> None:
        """Return never; :class:`beamsim.processes.ServerEndedError` when a server ends by itself."""
        while True:
            self._servers.check()
            time.sleep(0.5)
