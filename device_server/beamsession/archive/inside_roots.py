"""Where a path really leads, and whether files may come from there."""

from __future__ import annotations

import os.path
from pathlib import Path

from beamsession.model.errors import InvalidInputError
from beamsession.model.paths import require_inside


def inside_roots(path: Path, roots: tuple[Path, ...]) -> Path:
    """`path` without links and `..`, below its root as that is configured, so that all paths begin alike.

    It need not exist. Raises InvalidInputError (OUTSIDE_ROOTS, and BAD_PATH for what no file can be called).
    """
    try:
        found = Path(os.path.realpath(path))
    except ValueError as fault:
        raise InvalidInputError(
            f"{str(path)!a} is no path that a file can have.",
            code="BAD_PATH",
            value=ascii(str(path)),
            remedy="Correct the record that names it.",
        ) from fault
    return below_roots(found, roots)


def below_roots(path: Path, roots: tuple[Path, ...]) -> Path:
    """`path`, which leads through no links below its root, below that root as it is configured, should that be a link.

    Raises InvalidInputError OUTSIDE_ROOTS.
    """
    real = {Path(os.path.realpath(root)): root for root in reversed(roots)}
    require_inside(path, (*roots, *real))
    root = next((root for root in real if path.is_relative_to(root)), None)
    return path if root is None else real[root] / path.relative_to(root)
