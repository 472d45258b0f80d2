"""The newest runs as lines of text, for screens: no screen has to put arrays of changing length side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def runs_text(runs: Sequence[Mapping[str, Any]]) -> str:
    """One line a run in the given order: number, state and title, in columns of a fixed-width font."""
    return "\n".join(f"{run['number']:>5}  {run['state']:<10}  {run['title']}".rstrip() for run in runs)
