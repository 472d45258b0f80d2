"""A beamline whose manager runs, the worker is started by each test; or one AtWork that the tests of a module share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from beamsim.scicat import Catalogue, running_catalogue
from crew_rig import Databases, running_databases
from worker_rig import AtWork, Rig

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("quicklook", "verbs")]


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[AtWork], Rig]]:
    """Finds the module's beamline with the wanted options; it is started when it is asked for first."""
    running: dict[AtWork, Rig] = {}
    with ExitStack() as stack:

        def find(wanted: AtWork) -> Rig:
            if wanted not in running:
                running[wanted] = stack.enter_context(wanted.running(tmp_path_factory.mktemp("rig")))
            return running[wanted].cleared()

        yield find


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    given = getattr(request, "param", "[catalogue.blocks]\nfiles = 2\n")
    if isinstance(given, AtWork):
        yield request.getfixturevalue("at_work")(given)
        return
    options: dict[str, Any] = {"catalogue_options": given} if isinstance(given, str) else given
    rig = Rig(tmp_path, request.getfixturevalue("catalogue"), **options)
    try:
        rig.start_manager()
        yield rig
    finally:
        rig.close()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    with running_databases() as running:
        yield running
