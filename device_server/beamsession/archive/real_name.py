"""The one name of a file that has many, because links lead to the folder that it lies in."""

from __future__ import annotations

from pathlib import Path


def real_name(path: Path) -> Path:
    """`path` without links on the way to it; a link itself keeps its own name. Raises OSError for a loop of links."""
    if path.name in ("", ".."):
        return path.resolve()
    return path.parent.resolve() / path.name
