"""The secrets for the catalogue: read from files that only the worker's account should see, never kept in values."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beamsession.catalogue.fault import CatalogueError, Nature

log = logging.getLogger(__name__)
_OTHERS = stat.S_IRWXO
_told: set[Path] = set()


def read_secret(path: Path) -> str:
    """The one line in `path`, read now: a changed file counts at once. Raises CatalogueError (CATALOGUE_LOGIN).

    A file that every account of the host may read is used, and told of once in the log: that is for its owner to mend.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            secret = stream.read().strip()
    except (OSError, UnicodeDecodeError) as fault:
        # The text of a decoding fault would show what is in the file.
        why = fault.strerror if isinstance(fault, OSError) else "it is not text"
        raise _unusable(path, f"cannot be read: {why}") from None
    if not secret or any(sign.isspace() for sign in secret):
        raise _unusable(path, "does not hold one word")
    if mode & _OTHERS and path not in _told:
        _told.add(path)
        log.warning("the secret in %s can be read by every account of this host; chmod 600 it", path)
    return secret


def life_of(token: str) -> float | None:
    """Seconds that a JSON Web Token lives from its issue on; None where it does not say."""
    claims = _claims(token)
    begin, end = claims.get("iat"), claims.get("exp")
    if isinstance(begin, int | float) and isinstance(end, int | float) and end > begin:
        return float(end - begin)
    return None


def end_of(token: str) -> datetime | None:
    """When a JSON Web Token ends, by its issuer's clock; None where it does not say."""
    end = _claims(token).get("exp")
    try:
        return datetime.fromtimestamp(end, tz=UTC) if isinstance(end, int | float) else None
    except (OverflowError, OSError, ValueError):
        return None


def refused_token(path: Path, token: str, now: datetime) -> CatalogueError:
    """What it means that the token in `path`, read just now, makes us nobody."""
    end = end_of(token)
    if end is not None and end <= now:
        return _unusable(path, f"holds a token that ended at {end:%Y-%m-%d %H:%M} UTC")
    return _unusable(path, "holds a token that the catalogue does not accept")


def _claims(token: str) -> dict[str, Any]:
    """What the token says of itself, not proven: only the catalogue knows its key."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _unusable(path: Path, why: str) -> CatalogueError:
    # Transient: the beamline's staff can put the file right while the sessions wait.
    return CatalogueError(
        f"The catalogue's secret in {path} {why}.",
        nature=Nature.TRANSIENT,
        code="CATALOGUE_LOGIN",
        value=str(path),
        remedy="Write the password or token into that file, mode 0600, readable by the worker's account.",
    )
