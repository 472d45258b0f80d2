"""The chain of events: its head, the next link, and the proof that none was changed, removed or put in."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import BigInteger, Connection, Row, Text, func, select, type_coerce, update

from beamsession.model.event import GENESIS, Event, chain_hash
from beamsession.store.columns import from_microseconds, storable, to_json_text
from beamsession.store.tables import chain_head, events

REBUILT = "store_rebuilt"
"""The kind of the event that follows a rebuild; its payload's `missing` are the ranges of numbers lost before."""
_HOLES = TypeAdapter(list[tuple[int, int]])
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
    """`checked` events were found good; `first_bad` is the number of the first that is not, None if all are.

    `holes` are ranges of numbers (first, last) that were lost before the store was rebuilt, as the chain itself says
    since: what stands between them and after them is good, whether the two sides belong together cannot be proven.
    """

    checked: int
    first_bad: int | None = None
    reason: str = ""
    holes: tuple[tuple[int, int], ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether every event is there, as it was written."""
        return self.first_bad is None and not self.holes


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


def verify(
    reader: Callable[[], AbstractContextManager[Connection]], *, also_lost: Collection[tuple[int, int]] = ()
) -> ChainReport:
    """Walk the whole chain in pages, each read by its own, so that writers and memory do not mind.

    `also_lost` are holes that no event has declared yet.
    """
    with reader() as connection:
        head = read_head(connection)
        highest = connection.execute(select(func.max(events.c.seq))).scalar() or 0
        declared = _declared_holes(connection) | set(also_lost)
    seq, previous, checked, holes = 0, GENESIS, 0, ()
    for row in _raw_events(reader, head.seq):
        if (hole := (seq + 1, row.seq - 1)) in declared:
            holes, seq, previous = (*holes, hole), row.seq - 1, row.previous
        fault = _fault(row, seq + 1, previous)
        if fault:
            return ChainReport(checked, first_bad=seq + 1, reason=fault, holes=holes)
        seq, previous, checked = row.seq, row.hash, checked + 1
    if seq < head.seq:
        return ChainReport(checked, first_bad=seq + 1, reason="the event is missing", holes=holes)
    if previous != head.hash:
        return ChainReport(checked, first_bad=seq, reason="the hash is not the one in the chain's head", holes=holes)
    if highest > head.seq:
        return ChainReport(checked, first_bad=seq + 1, reason="the event is beyond the chain's head", holes=holes)
    reason = f"events {ranges_text(holes)} were lost before the store was rebuilt" if holes else ""
    return ChainReport(checked, reason=reason, holes=holes)


def missing_numbers(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The ranges (first, last) that ascending `seqs` leave out, from 1 on."""
    found: list[tuple[int, int]] = []
    before = 0
    for seq in seqs:
        if seq > before + 1:
            found.append((before + 1, seq - 1))
        before = seq
    return tuple(found)


def ranges_text(ranges: Iterable[tuple[int, int]]) -> str:
    """`3, 17-20`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def declared_holes(payload: Any) -> set[tuple[int, int]]:
    """The ranges that the payload of an event REBUILT says are lost; nothing of what makes no sense."""
    try:
        return set(_HOLES.validate_python(payload["missing"]))
    except (KeyError, TypeError, ValidationError):
        return set()


def _declared_holes(connection: Connection) -> set[tuple[int, int]]:
    """What the events that are in the chain say of it; each is checked in its turn like any other."""
    found: set[tuple[int, int]] = set()
    payload = type_coerce(events.c.payload, Text)
    for text in connection.execute(select(payload).where(events.c.kind == REBUILT)).scalars():
        try:
            found |= declared_holes(json.loads(text))
        except ValueError:
            continue
    return found


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
