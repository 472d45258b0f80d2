"""One recorder for all tests of this folder, and a rig of services for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.record.recorder import Recorder
from service_rig import Rig, new_recorder


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    recorder = new_recorder(tmp_path_factory.mktemp("recorder"))
    yield recorder
    recorder.shutdown()


@pytest.fixture
def rig(tmp_path: Path, recorder: Recorder) -> Iterator[Rig]:
    """A rig whose first service is started."""
    rig = Rig(tmp_path, recorder)
    try:
        rig.start()
        yield rig
    finally:
        rig.close()
