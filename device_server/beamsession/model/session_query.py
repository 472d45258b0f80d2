"""Which sessions somebody wants to see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from beamsession.model.states import SessionState


@dataclass(frozen=True)
class SessionQuery:
    """Which sessions; what is left out does not restrict.

    `text` is looked for in name and title, any case. `since` <= start < `until`. The order is newest start first,
    ids break ties; `before_id` continues after that session in this order (fast at any depth, unlike `offset`).
    `limit` is at most 10 000.
    """

    instrument: str | None = None
    states: Collection[SessionState] = ()
    user: str | None = None
    proposal: str | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    offset: int = 0
    before_id: int | None = None
