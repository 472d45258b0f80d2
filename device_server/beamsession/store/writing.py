"""The right to write: one transaction, the chain of its events, and conditional changes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, insert, update
from sqlalchemy.exc import SQLAlchemyError

from beamsession.model.errors import ConflictError
from beamsession.model.event import Event
from beamsession.model.principal import Caller
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.store import replies
from beamsession.store.chain import linked, read_head, write_head
from beamsession.store.failures import translated
from beamsession.store.reads import Reads
from beamsession.store.replies import Reply
from beamsession.store.tables import events, runs, sessions

# Made once: building a statement takes longer than executing it.
_UPDATE_IF_SAME = {
    table: update(table).where(
        table.c.id == bindparam("old_id"),
        table.c.version == bindparam("old_version"),
        table.c.state == bindparam("old_state"),
    )
    for table in (sessions, runs)
}


class Writing(Reads):
    """Held until the transaction ends; its reads see its own changes. `now` is its one moment.

    Keep it short: nobody else writes meanwhile, and no second one may be begun inside it.
    """

    def __init__(self, connection: Connection, caller: Caller, instrument: str, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._caller = caller
        self._instrument = instrument
        self._head = self._head_found = read_head(connection, lock=True)
        self._has_changes = False
        self._has_failed = False
        self.now = clock()

    def event(
        self, kind: str, *, session_id: int | None = None, run_number: int | None = None, **payload: Any
    ) -> Event:
        """Chain an event to the log; the payload must be JSON values."""
        principal = self._caller.principal
        if self._caller.client:
            payload["client"] = self._caller.client
        link = linked(
            Event(
                seq=0,
                time=self.now,
                instrument=self._instrument,
                kind=kind,
                principal=principal.name,
                role=principal.role.value,
                face=self._caller.face,
                session_id=session_id,
                run_number=run_number,
                payload=payload,
            ),
            self._head,
        )
        self._execute(
            insert(events),
            {
                "seq": link.seq,
                "time": link.time,
                "instrument": link.instrument,
                "kind": link.kind,
                "principal": link.principal,
                "role": link.role,
                "face": link.face,
                "session_id": link.session_id,
                "run_number": link.run_number,
                "payload": link.payload,
                "previous": link.previous,
                "hash": link.hash,
            },
        )
        self._head = replace(self._head, seq=link.seq, hash=link.hash)
        return link

    def remember(self, request_id: str, verb: str, arguments_hash: str, value: Any) -> None:
        """Keep the reply to this request, so that asking again finds it.

        Raises ConflictError if there is one already, InvalidInputError BAD_REQUEST_ID.
        """
        reply = Reply(verb=verb, arguments_hash=arguments_hash, value=value, time=self.now)
        with self._reading() as connection:
            replies.remember(connection, self._instrument, request_id, reply)

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest event, this transaction's own included."""
        return self._head.seq, self._head.hash

    def finish(self) -> None:
        """Write the chain's head before the commit. Raises RuntimeError for a change without an event."""
        if self._has_failed:
            raise RuntimeError("the database refused a statement of this transaction: it cannot be committed")
        if self._has_changes and self._head.seq == self._head_found.seq:
            raise RuntimeError("a change of the store needs an event")
        if self._head != self._head_found:
            with translated():
                write_head(self._connection, self._head)

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        try:
            with translated():
                yield self._connection
        except Exception as fault:
            # PostgreSQL would turn the commit of a transaction in which a statement failed into a silent rollback.
            self._has_failed = self._has_failed or isinstance(fault.__cause__ or fault, SQLAlchemyError)
            raise

    def _execute(self, statement: Executable, values: dict[str, Any]) -> int:
        with self._reading() as connection:
            return connection.execute(statement, values).rowcount

    def _change(self, statement: Executable, values: dict[str, Any]) -> int:
        self._has_changes = True
        return self._execute(statement, values)

    def _change_if_same(self, table: Table, old: Session | Run, values: dict[str, Any], what: str) -> None:
        same = {"old_id": old.id, "old_version": old.version, "old_state": old.state}
        changed = self._change(_UPDATE_IF_SAME[table], {"version": old.version + 1, **values, **same})
        if not changed:
            raise ConflictError(
                f"{what} was changed by somebody else meanwhile.",
                code="CONFLICT",
                value={"version": old.version, "state": old.state.value},
                remedy="Look at its present state and ask again.",
            )
