"""The bridge's own tests have the rig of manager, recorder and bridge, those of the documents the pages' examples."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import epics
import pytest

from beamsim.running import Beamline

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("docs", "epics")]

from bridge_rig import PREFIX, Rig, wait_until


@pytest.fixture(scope="module")
def rig(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A manager with one detector, its recorder, and the bridge, found by every client of this process."""
    port = int(os.environ["EPICS_CA_SERVER_PORT"])
    rig = Rig(tmp_path_factory.mktemp("bridge"), simulated=beamline.prefix, ca_port=port)
    try:
        rig.start()
        connected = epics.PV(f"{PREFIX}Connected", auto_monitor=False)
        wait_until("the bridge hears the manager", lambda: connected.get(use_monitor=False) == 1)
        yield rig
    finally:
        rig.stop()
