"""The desk of verbs, and a beamline with its worker, for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.record.recorder import Recorder
from beamsim.scicat import running_catalogue

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("catalogue", "cli", "verbs", "worker")]

from verb_desk import Desk, open_desk, open_recorder
from worker_rig import Rig


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with open_recorder(tmp_path_factory.mktemp("recorder")) as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    with open_desk(tmp_path, recorder) as opened:
        yield opened


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A manager that runs, and a catalogue; each test starts the worker."""
    with running_catalogue() as catalogue:
        rig = Rig(tmp_path, catalogue)
        try:
            rig.start_manager()
            yield rig
        finally:
            rig.close()
