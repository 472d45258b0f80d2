"""One simulated beamline and one RunEngine for all tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("docs", "system")]

from bluesky import RunEngine
from ophyd_async.core import init_devices

from beamsession.faces.bluesky import SessionManagerDevice
from bluesky_rig import Documents, Rig, running_tiled
from system_up import SMALL, Client, Up, running_up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    state = tmp_path_factory.mktemp("bluesky") / "state"
    with running_up(state, "--simulate", "--simulator=--no-catalogue", *SMALL) as running:
        yield running


@pytest.fixture(scope="session")
def beamline(up: Up) -> Rig:
    client, engine = Client(up), RunEngine({}, context_managers=[])
    with init_devices():
        session = SessionManagerDevice(client.address)
    return Rig(up, client, engine, session, Documents())


@pytest.fixture(scope="session")
def tiled(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a Tiled server that may read the data root."""
    with running_tiled(tmp_path_factory.mktemp("tiled"), Path(up.ready["data_root"])) as uri:
        yield uri


@pytest.fixture
def rig(beamline: Rig) -> Iterator[Rig]:
    """A RunEngine that is idle, and no session open before and after."""
    _close(beamline.client)
    beamline.documents = Documents()
    token = beamline.engine.subscribe(beamline.documents)
    yield beamline
    beamline.engine.unsubscribe(token)
    if str(beamline.engine.state) != "idle":
        beamline.engine.halt()
    _close(beamline.client)


def _close(client: Client) -> None:
    if client.read("SessionState") in ("STARTED", "PAUSED"):
        client.Complete()
    client.await_attribute("SessionState", "NONE")
    client.AcknowledgeAlarm()
