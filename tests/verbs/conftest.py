"""One recorder for all tests of this folder, and a new desk for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.record.recorder import Recorder
from verb_desk import Desk, open_desk, open_recorder


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with open_recorder(tmp_path_factory.mktemp("recorder")) as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    with open_desk(tmp_path, recorder) as opened:
        yield opened
