"""One simulated beamline for all tests of this folder that only use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from system_up import SMALL, Client, Up, running_up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("beamline") / "state", "--simulate", *SMALL) as running:
        yield running


@pytest.fixture
def client(up: Up) -> Iterator[Client]:
    """A client that finds no session open, and leaves none."""
    client = Client(up)
    _close(client)
    yield client
    _close(client)


def _close(client: Client) -> None:
    if client.read("SessionState") in ("STARTED", "PAUSED"):
        client.Complete()
    client.await_attribute("SessionState", "NONE")
    client.AcknowledgeAlarm()
