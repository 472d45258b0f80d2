"""Times are UTC and aware everywhere; their text is RFC 3339 with microseconds and a Z."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """RFC 3339 text such as `2026-11-21T10:42:16.000000Z`; a naive time is a programming error (ValueError)."""
    if moment.tzinfo is None:
        raise ValueError(f"naive time {moment!r}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    """The moment that `to_text` wrote; any RFC 3339 offset is understood. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without zone {text!r}")
    return moment.astimezone(UTC)
