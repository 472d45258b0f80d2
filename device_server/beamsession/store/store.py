"""The database of sessions: one SQLite file or one PostgreSQL database, for all instruments of a beamline or more."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from beamsession.model.clock import Clock, utc_now
from beamsession.model.event import Refusal
from beamsession.model.principal import Caller
from beamsession.store import chain, refusals
from beamsession.store.chain import ChainReport
from beamsession.store.engine import connect
from beamsession.store.failures import translated
from beamsession.store.migrations import bring_up, check_revision
from beamsession.store.reads import Reads
from beamsession.store.transaction import Transaction

PATIENCE = 2.5
"""Seconds: who asks the store must itself answer within 3."""


class Snapshot(Reads):
    """The store as it stood at the first read; valid within its `with` block."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        yield self._connection


class Store(Reads):
    """Threads may share one; processes each open their own. Reads never wait for a writer."""

    def __init__(self, reader: Engine, writer: Engine) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    def open(cls, url: str, *, migrate: bool = True, patience: float = PATIENCE) -> Store:
        """Open for reading and writing, and bring the tables up to date; without `migrate`, only for reading.

        `url` is `sqlite:////absolute/path` or `postgresql+psycopg://…`. A lock held by another program is waited for
        during `patience` seconds. Raises InvalidInputError BAD_STORE_URL,
        UnavailableError STORE_UNAVAILABLE, STORE_OUTDATED or STORE_TOO_NEW.
        """
        reader, writer = connect(url, writable=migrate, patience=patience)
        try:
            with translated():
                if migrate:
                    bring_up(writer)
                else:
                    check_revision(reader)
        except BaseException:
            reader.dispose()
            raise
        return cls(reader, writer)

    def close(self) -> None:
        """Close the connections; a transaction in progress elsewhere keeps its own until it ends."""
        self._reader.dispose()

    @contextmanager
    def transaction(self, caller: Caller, instrument: str, *, clock: Clock = utc_now) -> Generator[Transaction]:
        """All changes in the block with their events, durable when it is left; nothing of it on any exception.

        Raises UnavailableError STORE_BUSY (another program holds the store) or STORE_UNAVAILABLE, and
        RuntimeError for a change without an event.
        """
        with self._connected(self._writer) as connection:
            with translated():
                transaction = Transaction(connection, caller, instrument, clock)
            yield transaction
            transaction.finish()
            with translated():
                connection.commit()

    @contextmanager
    def snapshot(self) -> Generator[Reads]:
        """Several reads of one and the same state of the store."""
        with self._reading() as connection:
            yield Snapshot(connection)

    def record_refusal(self, refusal: Refusal) -> bool:
        """Log a refused command beside the chain; False where the instrument has had its 100 of this minute."""
        with self._reading() as connection:
            if refusals.is_capped(connection, refusal):
                return False
        with translated(), self._connected(self._writer) as connection:
            refusals.add(connection, refusal)
            connection.commit()
        return True

    def verify_chain(self) -> ChainReport:
        """Check every event against the chain; in constant memory, and nobody waits for it."""
        return chain.verify(self._reading)

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        with translated(), self._connected(self._reader) as connection:
            yield connection

    @contextmanager
    def _connected(self, engine: Engine) -> Generator[Connection]:
        with translated():
            connection = engine.connect()
        with connection:  # rolls back what is not committed
            yield connection
