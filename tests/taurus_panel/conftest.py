"""Windows are drawn into memory, by the Qt that the panel is tested with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["QT_API"] = "pyside6"
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.path.append(str(Path(__file__).parent.parent / "faces"))
