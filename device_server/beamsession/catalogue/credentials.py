"""The secrets for the catalogue: read from files that only the worker's account should see, never kept in values."""

from __future__ import annotations

from pathlib import Path

from beamsession.catalogue.fault import CatalogueError, Nature


def read_secret(path: Path) -> str:
    """The one line in `path`, read now: a changed file counts at once. Raises CatalogueError (CATALOGUE_LOGIN)."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise _unusable(path, f"cannot be read: {fault}") from fault
    if not secret or any(sign.isspace() for sign in secret):
        raise _unusable(path, "does not hold one word")
    return secret


def _unusable(path: Path, why: str) -> CatalogueError:
    # Transient: the beamline's staff can put the file right while the sessions wait.
    return CatalogueError(
        f"The catalogue's secret in {path} {why}.",
        nature=Nature.TRANSIENT,
        code="CATALOGUE_LOGIN",
        value=str(path),
        remedy="Write the password or token into that file, mode 0600, readable by the worker's account.",
    )
