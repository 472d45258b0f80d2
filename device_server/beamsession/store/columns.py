"""Column types that read back exactly what was written, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Whole = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; on SQLite the one spelling that makes a primary key the row's own address."""


def storable(text: str) -> str:
    """`text` with what no database text can hold (NUL, lone surrogates) replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def digest(text: str) -> str:
    """SHA-256 (hex) of a text that may be too long for an index; of empty text empty."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest() if text else ""


def to_microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError(f"naive time {moment!r}")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The aware UTC moment that `to_microseconds` counted."""
    return _EPOCH + count * _MICROSECOND


def to_json_text(value: Any) -> str:
    """Compact ASCII JSON. Raises ValueError or TypeError for what JSON cannot carry, NaN among it."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


class Moment(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970 UTC: SQLite has no type that keeps the zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """See `to_microseconds`."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """See `from_microseconds`."""
        return None if value is None else from_microseconds(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as ASCII text: numbers keep every digit, and any string passes, NUL and surrogates too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """See `to_json_text`."""
        return to_json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The value; None only where the column is empty."""
        return None if value is None else json.loads(value)


class PlainText(TypeDecorator[str]):
    """Text that both databases take; see `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See `storable`."""
        return None if value is None else storable(value)
