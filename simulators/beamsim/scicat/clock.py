"""The catalogue's own clock, so that tests can make it jump."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?\Z", re.IGNORECASE)


class Clock:
    """Wall time plus an offset."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def jump(self, seconds: float) -> None:
        """Move the catalogue's time by `seconds`, backwards if negative."""
        self._offset += timedelta(seconds=seconds)


def stamp(moment: datetime) -> str:
    """A time as the catalogue writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_time(text: object) -> datetime | None:
    """The moment an ISO 8601 text names, or None if it is none; without offset it is read as UTC."""
    if not isinstance(text, str) or not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
