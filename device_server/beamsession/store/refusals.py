"""Refused commands, logged beside the chain: few enough and small enough to be harmless in any flood."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select

from beamsession.model.event import Refusal
from beamsession.store.tables import refusals

PER_MINUTE = 100
KEPT = 100_000
MAX_ARGUMENTS = 2048
MAX_TEXT = 500


def is_capped(connection: Connection, refusal: Refusal) -> bool:
    """Whether the instrument has had its 100 of this minute."""
    recent = select(func.count()).where(
        refusals.c.instrument == refusal.instrument,
        refusals.c.time > refusal.time - timedelta(minutes=1),
        refusals.c.time <= refusal.time,
    )
    return connection.execute(recent).scalar_one() >= PER_MINUTE


def add(connection: Connection, refusal: Refusal) -> None:
    """Log it, its texts shortened, and forget what is beyond the newest 100 000."""
    added = connection.execute(
        insert(refusals).values(
            time=refusal.time,
            instrument=_capped(refusal.instrument, MAX_TEXT),
            verb=_capped(refusal.verb, MAX_TEXT),
            principal=_capped(refusal.principal, MAX_TEXT),
            face=_capped(refusal.face, MAX_TEXT),
            code=_capped(refusal.code, MAX_TEXT),
            sentence=_capped(refusal.sentence, MAX_TEXT),
            arguments=_capped(refusal.arguments, MAX_ARGUMENTS),
        )
    )
    key = added.inserted_primary_key
    if key is not None:
        connection.execute(delete(refusals).where(refusals.c.id <= key.id - KEPT))


def _capped(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8; an ellipsis tells that there was more."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - 3].decode(errors="ignore") + "…"
