"""Replies to requests, kept so that a request asked twice is done once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert

from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened
from beamsession.store.tables import replies

KEPT = timedelta(days=7)
MAX_REQUEST_ID = 200


@dataclass(frozen=True)
class Reply:
    """What a verb answered to a request id; `arguments_hash` tells a retry from a different request with its id."""

    verb: str
    arguments_hash: str
    value: Any
    time: datetime


def remember(connection: Connection, instrument: str, request_id: str, reply: Reply) -> None:
    """Keep the reply and forget those older than 7 days. Raises InvalidInputError BAD_REQUEST_ID."""
    if not 0 < len(request_id) <= MAX_REQUEST_ID:
        raise InvalidInputError(
            f"The request id has {len(request_id)} characters, 1 to {MAX_REQUEST_ID} are allowed.",
            code="BAD_REQUEST_ID",
            value=shortened(request_id),
            remedy="Use a UUID.",
        )
    connection.execute(delete(replies).where(replies.c.time < reply.time - KEPT))
    connection.execute(
        insert(replies).values(
            instrument=instrument,
            request_id=request_id,
            time=reply.time,
            verb=reply.verb,
            arguments_hash=reply.arguments_hash,
            value=reply.value,
        )
    )
