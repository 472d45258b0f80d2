"""The chain of events: its head, the next link, and the proof that none was changed, removed or put in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from sqlalchemy import BigInteger, Connection, Row, Text, func, select, type_coerce, update

from beamsession.model.event import GENESIS, Event, chain_hash
from beamsession.store.columns import from_microseconds, storable, to_json_text
from beamsession.store.tables import chain_head, events

_PAGE = 1000
_SELECT_HEAD = select(chain_head).where(chain_head.c.id == 1)
_LOCK_HEAD = _SELECT_HEAD.with_for_update()
_UPDATE_HEAD = update(chain_head).where(chain_head.c.id == 1)


@dataclass(frozen=True)
class Head:
    """The newest event's number and hash, and the highest session and run ids ever given."""

    seq: int
    hash: str
    last_session_id: int
    last_run_id: int


@dataclass(frozen=True)
class ChainReport:
    """`checked` events were found good; `first_bad` is the number of the first that is not, None if all are."""

    checked: int
    first_bad: int | None = None
    reason: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether every event is as it was written."""
        return self.first_bad is None


def read_head(connection: Connection, *, lock: bool = False) -> Head:
    """The head; with `lock` nobody else writes until the transaction ends (SQLite has locked already)."""
    row = connection.execute(_LOCK_HEAD if lock else _SELECT_HEAD).one()
    return Head(row.seq, row.hash, row.last_session_id, row.last_run_id)


def write_head(connection: Connection, head: Head) -> None:
    """Replace the head."""
    connection.execute(_UPDATE_HEAD, asdict(head))


def linked(event: Event, head: Head) -> Event:
    """`event` as the next link after `head`: as it will be read back, numbered and hashed."""
    link = replace(
        event,
        seq=head.seq + 1,
        previous=head.hash,
        instrument=storable(event.instrument),
        kind=storable(event.kind),
        principal=storable(event.principal),
        role=storable(event.role),
        face=storable(event.face),
        payload=json.loads(to_json_text(event.payload)),
    )
    return replace(link, hash=chain_hash(link))


def verify(reader: Callable[[], AbstractContextManager[Connection]]) -> ChainReport:
    """Walk the whole chain in pages, each read by its own, so that writers and memory do not mind."""
    with reader() as connection:
        head = read_head(connection)
        highest = connection.execute(select(func.max(events.c.seq))).scalar() or 0
    seq, previous = 0, GENESIS
    for row in _raw_events(reader, head.seq):
        fault = _fault(row, seq + 1, previous)
        if fault:
            return ChainReport(checked=seq, first_bad=seq + 1, reason=fault)
        seq, previous = row.seq, row.hash
    if seq < head.seq:
        return ChainReport(checked=seq, first_bad=seq + 1, reason="the event is missing")
    if previous != head.hash:
        return ChainReport(checked=seq, first_bad=seq, reason="the hash is not the one in the chain's head")
    if highest > head.seq:
        return ChainReport(checked=seq, first_bad=seq + 1, reason="the event is beyond the chain's head")
    return ChainReport(checked=seq)


def _raw_events(reader: Callable[[], AbstractContextManager[Connection]], last: int) -> Iterator[Row[Any]]:
    """Rows with time and payload as they are stored: changed ones may not even be readable."""
    columns = [
        type_coerce(events.c.time, BigInteger).label("time") if column is events.c.time
        else type_coerce(events.c.payload, Text).label("payload") if column is events.c.payload
        else column
        for column in events.c
    ]  # fmt: skip
    statement = select(*columns).where(events.c.seq <= last).order_by(events.c.seq).limit(_PAGE)
    after: int | None = None
    while True:
        page_of = statement if after is None else statement.where(events.c.seq > after)
        with reader() as connection:
            page = connection.execute(page_of).all()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _fault(row: Row[Any], seq: int, previous: str) -> str:
    if row.seq > seq:
        return "the event is missing"
    if row.seq < seq:
        return f"an event with the number {row.seq} does not belong here"
    if row.previous != previous:
        return "it does not continue the event before"
    try:
        event = Event(
            seq=row.seq,
            time=from_microseconds(row.time),
            instrument=row.instrument,
            kind=row.kind,
            principal=row.principal,
            role=row.role,
            face=row.face,
            session_id=row.session_id,
            run_number=row.run_number,
            payload=cast("dict[str, Any]", json.loads(row.payload)),
            previous=row.previous,
        )
        is_good = chain_hash(event) == row.hash
    except (TypeError, ValueError, OverflowError):
        return "its fields cannot be read"
    return "" if is_good else "its hash does not fit its fields"
