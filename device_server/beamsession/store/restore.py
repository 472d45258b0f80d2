"""Writing what the data folders tell into an empty store: the same ids, numbers and hashes, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from beamsession.model.clock import Clock, utc_now
from beamsession.model.errors import ConflictError, RefusedError
from beamsession.model.event import GENESIS, Event
from beamsession.model.job import Job
from beamsession.model.principal import Caller
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.store.chain import (
    REBUILT,
    Head,
    declared_holes,
    linked,
    missing_numbers,
    ranges_text,
    read_head,
    verify,
    write_head,
)
from beamsession.store.columns import digest
from beamsession.store.engine import connect
from beamsession.store.failures import translated
from beamsession.store.migrations import bring_up
from beamsession.store.query import search_text
from beamsession.store.rows import from_ingest
from beamsession.store.store import PATIENCE
from beamsession.store.tables import chain_head, events, files, ingests, jobs, metadata, runs, sessions

_BATCH = 1000


@dataclass(frozen=True)
class StoreContents:
    """All of a store. `events` are in order, each number once; a run whose id is 0 gets one that no other has.

    `last_session_id` is the highest id ever given, also of a session that is not here. `jobs` are those whose products
    are there.
    """

    sessions: Sequence[Session]
    runs: Sequence[Run]
    files: Sequence[AddedFile]
    ingests: Sequence[Ingest]
    events: Sequence[Event]
    last_session_id: int
    jobs: Sequence[Job] = ()

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "sessions": len(self.sessions),
            "runs": len(self.runs),
            "files": len(self.files),
            "events": len(self.events),
            "jobs": len(self.jobs),
        }


def merged(logs: Iterable[Sequence[Event]]) -> tuple[Event, ...]:
    """The events of several instruments in one order.

    Raises ConflictError EVENTS_DIFFER where two bear one number: they are not of one store.
    """
    found: dict[int, Event] = {}
    for log in logs:
        for event in log:
            other = found.setdefault(event.seq, event)
            if other.hash != event.hash:
                raise ConflictError(
                    f"{other.instrument} and {event.instrument} both have an event {event.seq}.",
                    code="EVENTS_DIFFER",
                    value=event.seq,
                    remedy="Their data roots belong to different stores: rebuild each by itself.",
                )
    return tuple(found[seq] for seq in sorted(found))


def lost_numbers(log: Sequence[Event]) -> tuple[tuple[int, int], ...]:
    """The ranges of numbers (first, last) that `log` leaves out; nothing can tell what is missing at its end."""
    return missing_numbers(event.seq for event in log)


def require_whole(log: Sequence[Event]) -> None:
    """Raise RefusedError EVENTS_MISSING unless every gap is one that an earlier rebuild has declared."""
    declared = {hole for event in log if event.kind == REBUILT for hole in declared_holes(event.payload)}
    lost = [hole for hole in lost_numbers(log) if hole not in declared]
    if not lost:
        return
    raise RefusedError(
        f"Events {ranges_text(lost)} are in none of the data roots given.",
        code="EVENTS_MISSING",
        value=[list(hole) for hole in lost],
        remedy="Give the configuration of every instrument of this store, each with --config; if they are lost for "
        "good, --allow-gaps does without, and the log says so for ever.",
    )


def restore(
    url: str, contents: StoreContents, caller: Caller, instruments: Sequence[str], *, clock: Clock = utc_now
) -> None:
    """Fill the empty store at `url` in one transaction, and chain an event `store_rebuilt` for each of `instruments`.

    Gaps in the numbers of the events are declared in that event. Raises RefusedError (STORE_NOT_EMPTY, CHAIN_BROKEN)
    and what `Store.open` raises; nothing is written then.
    """
    reader, writer = connect(url, writable=True, patience=PATIENCE)
    try:
        with translated():
            bring_up(writer)
            with writer.connect() as connection:
                read_head(connection, lock=True)
                _require_empty(connection)
                _fill(connection, contents)
                _require_intact(connection, contents)
                _declare(connection, contents, caller, instruments, clock)
                connection.commit()
    finally:
        reader.dispose()


def _require_empty(connection: Connection) -> None:
    head = read_head(connection)
    taken = [table.name for table in _tables() if connection.execute(select(table).limit(1)).first() is not None]
    if taken or (head.seq, head.last_session_id, head.last_run_id) != (0, 0, 0):
        raise RefusedError(
            f"The store is not empty: it has {', '.join(taken) or 'a chain of events'}.",
            code="STORE_NOT_EMPTY",
            value=taken,
            remedy="A store that works needs no rebuilding. If it is to be replaced, `--replace` moves a SQLite file "
            "aside; in PostgreSQL make a new database.",
        )


def _tables() -> Iterator[Table]:
    return (table for table in metadata.sorted_tables if table is not chain_head)


def _fill(connection: Connection, contents: StoreContents) -> None:
    instruments = {session.id: session.instrument for session in contents.sessions}
    given = numbered(contents.runs)
    _insert(connection, sessions, (_session_row(session) for session in contents.sessions))
    _insert(
        connection,
        runs,
        ({**vars(run), "instrument": instruments[run.session_id], "file_hash": digest(run.file)} for run in given),
    )
    _insert(connection, files, ({**vars(file), "path_hash": digest(file.path)} for file in contents.files))
    _insert(
        connection,
        ingests,
        ({**from_ingest(ingest), "instrument": instruments[ingest.session_id]} for ingest in contents.ingests),
    )
    _insert(connection, jobs, (vars(job) for job in contents.jobs))
    _insert(connection, events, (vars(event) for event in contents.events))
    last = contents.events[-1] if contents.events else None
    head = Head(
        seq=last.seq if last else 0,
        hash=last.hash if last else GENESIS,
        last_session_id=max(contents.last_session_id, *instruments, 0),
        last_run_id=max((run.id for run in given), default=0),
    )
    write_head(connection, head)


def _session_row(session: Session) -> dict[str, Any]:
    return {
        **vars(session),
        "search": search_text(session.name, session.title),
        "source_hash": digest(session.source),
    }


def numbered(given: Sequence[Run]) -> list[Run]:
    """The runs with an id each. Ids were given in the order of begin without gaps, so the free ones are the lost."""
    used = {run.id for run in given if run.id}
    free = (number for number in count(1) if number not in used)
    unknown = sorted((run for run in given if not run.id), key=lambda run: (run.start, run.session_id, run.number))
    return [*(run for run in given if run.id), *(replace(run, id=next(free)) for run in unknown)]


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        connection.execute(insert(table), batch)


def _require_intact(connection: Connection, contents: StoreContents) -> None:
    report = verify(lambda: nullcontext(connection), also_lost=lost_numbers(contents.events))
    if report.first_bad is not None:
        raise RefusedError(
            f"Event {report.first_bad} is not as it was written: {report.reason}.",
            code="CHAIN_BROKEN",
            value=report.first_bad,
            remedy="Restore the files with the events in the data root from a copy.",
        )


def _declare(
    connection: Connection, contents: StoreContents, caller: Caller, instruments: Sequence[str], clock: Clock
) -> None:
    head, now = read_head(connection), clock()
    missing = [list(hole) for hole in lost_numbers(contents.events)]
    for instrument in instruments:
        event = Event(
            seq=0,
            time=now,
            instrument=instrument,
            kind=REBUILT,
            principal=caller.principal.name,
            role=caller.principal.role.value,
            face=caller.face,
            payload={**contents.counts(), "missing": missing},
        )
        link = linked(event, head)
        connection.execute(insert(events), vars(link))
        head = replace(head, seq=link.seq, hash=link.hash)
    write_head(connection, head)
