"""How far the event log was followed: in a file of the only worker, or in the job database that several share."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Protocol

from beamsession.crew.roster import Roster

log = logging.getLogger(__name__)


class Position(Protocol):
    """The number of the last event that is done with; an older one only means that some are read again."""

    def load(self) -> int:
        """The number, 0 at the beginning. Raises UnavailableError."""
        ...

    def save(self, seq: int) -> None:
        """Keep it. Raises UnavailableError and OSError."""
        ...


class FilePosition:
    """In a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> int:
        """See `Position`; a damaged file counts as none."""
        try:
            return int(json.loads(self._path.read_text(encoding="ascii"))["seq"])
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError):
            log.warning("%s is damaged: the event log is read from its beginning", self._path)
            return 0

    def save(self, seq: int) -> None:
        """See `Position`; not synced: an older position after a power cut does no harm."""
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"seq": seq}), encoding="ascii")
        temporary.replace(self._path)


class SharedPosition:
    """In the job database."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def load(self) -> int:
        """See `Position`."""
        return self._roster.heard()

    def save(self, seq: int) -> None:
        """See `Position`."""
        self._roster.hear(seq)
