"""One beamline without detectors for all tests of this folder: manager, recorder, worker and the stand-in catalogue."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.sessions import session_cancel, session_complete, session_started, use
from beamsim.scicat import running_catalogue

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("docs", "faces", "system", "worker")]

from scripting_rig import ScriptingRig, running_rig


@pytest.fixture(scope="session")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptingRig]:
    with running_catalogue() as catalogue, running_rig(tmp_path_factory.mktemp("beamline"), catalogue) as rig:
        yield rig


@pytest.fixture
def rig(beamline: ScriptingRig) -> Iterator[ScriptingRig]:
    """The beamline that scripts talk to, with no session open, and none left."""
    use(beamline.address)
    _close()
    yield beamline
    _close()
    use("")


def _close() -> None:
    if session_started() and not session_cancel():
        session_complete()
