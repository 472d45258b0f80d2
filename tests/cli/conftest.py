"""Lets the tests of this folder start servers as those of the Tango face do."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "faces"))
