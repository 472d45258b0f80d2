"""Where the EPICS record templates of the simulated beamline are: beside the sources, or in the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def template_folder() -> Path:
    """The folder with ``detector.db``, ``motor.db`` and ``scalars.db``; FileNotFoundError without them."""
    places = (_PACKAGE / "db", _PACKAGE.parent.parent / "db")
    for place in places:
        if (place / "detector.db").is_file():
            return place
    raise FileNotFoundError(f"no record templates in {' or '.join(map(str, places))}; install beamsim again")
