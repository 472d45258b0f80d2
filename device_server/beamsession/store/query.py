"""The one query for sessions: every list on every face is made by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, tuple_, union_all

from beamsession.model.errors import InvalidInputError
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import SessionState
from beamsession.store.columns import storable
from beamsession.store.tables import sessions

MAX_LIMIT = 10_000


@dataclass(frozen=True)
class Place:
    """A session's place in the order of lists."""

    start: datetime
    id: int


def folded(text: str) -> str:
    """Text as it is searched: case-folded beyond ASCII."""
    return storable(text).casefold()


def search_text(name: str, title: str) -> str:
    """What the column `search` of a session holds."""
    return folded(f"{name}\n{title}")


def select_sessions(query: SessionQuery, after: Place | None) -> Select[Any]:
    """The statement for `query`, continuing after the place of its `before_id`. Raises InvalidInputError BAD_PAGE."""
    if not 0 < query.limit <= MAX_LIMIT or query.offset < 0:
        raise InvalidInputError(
            f"A page has 1 to {MAX_LIMIT} sessions and begins at 0 or later.",
            code="BAD_PAGE",
            value={"limit": query.limit, "offset": query.offset},
            remedy="Ask for smaller pages, and for the next one with the last id seen.",
        )
    conditions = _conditions(query, after)
    states = sorted(set(query.states))
    if len(states) > 1 and _is_indexed_by_state(query):
        return _merged(query, states, conditions)
    if states:
        conditions.append(sessions.c.state.in_(states))
    return _newest_first(_driven(query, states).where(*conditions)).limit(query.limit).offset(query.offset)


def _conditions(query: SessionQuery, after: Place | None) -> list[ColumnElement[bool]]:
    column = sessions.c
    found: list[ColumnElement[bool]] = []
    if query.instrument is not None:
        found.append(column.instrument == query.instrument)
    if query.user is not None:
        found.append(column.user == query.user)
    if query.proposal is not None:
        found.append(column.proposal == query.proposal)
    if query.text:
        found.append(column.search.contains(folded(query.text), autoescape=True))
    if query.since is not None:
        found.append(column.start >= query.since)
    if query.until is not None:
        found.append(column.start < query.until)
    if after is not None:
        # The first term is implied by the second; it is what both planners turn into a range of the index.
        found.append(and_(column.start <= after.start, tuple_(column.start, column.id) < (after.start, after.id)))
    return found


def _newest_first(statement: Select[Any]) -> Select[Any]:
    return statement.order_by(sessions.c.start.desc(), sessions.c.id.desc())


def _driven(query: SessionQuery, states: list[SessionState]) -> Select[Any]:
    """Tell SQLite, which keeps no statistics, the index that is both selective and in the order wanted."""
    parts = ["ix_sessions"]
    if query.instrument is not None:
        parts.append("instrument")
    if query.proposal is not None:
        parts.append("proposal")  # rather than the user, who may be a face's operator and have started every session
    elif query.user is not None:
        parts.append("user")
    if len(states) == 1 and _is_indexed_by_state(query):
        parts.append("state")
    return select(sessions).with_hint(sessions, f"INDEXED BY {'_'.join((*parts, 'start'))}", "sqlite")


def _is_indexed_by_state(query: SessionQuery) -> bool:
    """Not so the sessions of one user or proposal over all instruments, which nobody lists by state in daily work."""
    return query.instrument is not None or (query.user is None and query.proposal is None)


def _merged(query: SessionQuery, states: list[SessionState], conditions: list[ColumnElement[bool]]) -> Select[Any]:
    """One ordered walk for each state, merged: no state is so rare or so common that the page is slow."""
    walks = [
        _newest_first(_driven(query, [state]).where(*conditions, sessions.c.state == state))
        .limit(query.limit + query.offset)
        .subquery()
        for state in states
    ]
    merged = union_all(*(select(walk) for walk in walks)).subquery()
    return select(merged).order_by(merged.c.start.desc(), merged.c.id.desc()).limit(query.limit).offset(query.offset)
