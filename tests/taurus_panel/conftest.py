"""Windows are drawn into memory, by the Qt that the panel is tested with."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["QT_API"] = "pyside6"
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.path.append(str(Path(__file__).parent.parent / "faces"))


@pytest.fixture(scope="module", autouse=True)
def collecting_here() -> Iterator[None]:
    """What belongs to Qt is freed in the thread of its windows, not in one of Tango's that happens to collect."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()
