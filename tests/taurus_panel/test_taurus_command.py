"""`beamsession taurus` where it cannot open a window."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-m", "beamsession.faces.cli.main"]
_WITHOUT_TAURUS = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == {missing!r} else found(name, *more)
sys.argv = ["beamsession", "--device", "a/b/c", "taurus"]
from beamsession.faces.cli.main import main
main()
"""


@pytest.mark.parametrize("missing", ["taurus", "pyqtgraph"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TAURUS.format(missing=missing)], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 4
    told = (
        f"NO_TAURUS The panel needs {missing}, not installed here. Install it with: pip install 'beamsession[taurus]'"
    )
    assert done.stderr.strip() == told


def test_without_a_display_it_says_so() -> None:
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in displays}
    done = subprocess.run(
        [*PROGRAM, "--device", "a/b/c", "taurus"], env=environment, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr.split()[0]) == (4, "NO_DISPLAY")
