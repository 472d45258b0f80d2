"""A beamline whose manager runs; the worker is started by each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsim.scicat import Catalogue, running_catalogue
from worker_rig import Rig

sys.path.append(str(Path(__file__).parent.parent / "quicklook"))


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


@pytest.fixture
def rig(catalogue: Catalogue, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    given = getattr(request, "param", "[catalogue.blocks]\nfiles = 2\n")
    options: dict[str, Any] = {"catalogue_options": given} if isinstance(given, str) else given
    rig = Rig(tmp_path, catalogue, **options)
    try:
        rig.start_manager()
        yield rig
    finally:
        rig.close()
