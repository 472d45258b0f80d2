"""What the workers of an instrument know of each other: who is there, which version, how far the log is heard."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from beamsession.crew.job_server import instruments, lock_key, translated, workers

# A folder is written in well under a second; a process that is frozen in the middle keeps the others waiting so long.
_FROZEN_S = 60
_WAIT_S = 10
_IS_LOCKED = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32) | objid::bigint = :key)"
)


class Roster:
    """One instrument's part of the job database's own tables. Methods raise UnavailableError JOBS_UNAVAILABLE."""

    def __init__(self, engine: Engine, instrument: str) -> None:
        self._engine = engine
        self._instrument = instrument

    def enter(self, name: str, version: int) -> None:
        """Note that this process is at work under `name`, whose lock it holds."""
        values = {"version": version, "holder": f"process {os.getpid()} on {socket.gethostname()}"}
        entry = insert(workers).values(instrument=self._instrument, name=name, **values)
        with translated(), self._engine.connect() as connection:
            connection.execute(entry.on_conflict_do_update(index_elements=["instrument", "name"], set_=values))

    def leave(self, name: str) -> None:
        """Take the entry away: the work was ended in order, or what was left is done by others."""
        gone = delete(workers).where(workers.c.instrument == self._instrument, workers.c.name == name)
        with translated(), self._engine.connect() as connection:
            connection.execute(gone)

    def holder(self, name: str) -> str:
        """Who is at work under `name`, in words for a person."""
        asked = select(workers.c.holder).where(workers.c.instrument == self._instrument, workers.c.name == name)
        with translated(), self._engine.connect() as connection:
            return str(connection.execute(asked).scalar() or "another process")

    def living(self) -> dict[str, int]:
        """The version of each worker that lives, by its name."""
        asked = select(workers.c.name, workers.c.version).where(workers.c.instrument == self._instrument)
        with translated(), self._engine.connect() as connection:
            noted = [(str(row.name), int(row.version)) for row in connection.execute(asked)]
            return {
                name: version
                for name, version in noted
                if connection.execute(_IS_LOCKED, {"key": lock_key(*name_lock(self._instrument, name))}).scalar()
            }

    def folder_mark(self) -> tuple[str, bool]:
        """The mark of the shared folder, and whether any folder has ever borne it."""
        new = insert(instruments).values(instrument=self._instrument, folder_mark=uuid4().hex, is_marked=False, heard=0)
        asked = select(instruments).where(instruments.c.instrument == self._instrument)
        with translated(), self._engine.connect() as connection:
            connection.execute(new.on_conflict_do_nothing())
            row = connection.execute(asked).one()
            return str(row.folder_mark), bool(row.is_marked)

    def note_marked(self) -> None:
        """Note that there is a folder that bears the mark."""
        self._note(is_marked=True)

    def renew_mark(self) -> None:
        """Another mark from now on: a folder that bears the old one is the wrong one."""
        self._note(folder_mark=uuid4().hex, is_marked=False)

    def heard(self) -> int:
        """The number of the last event that nobody needs to hear again."""
        asked = select(instruments.c.heard).where(instruments.c.instrument == self._instrument)
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(asked).scalar() or 0)

    def hear(self, seq: int) -> None:
        """Note that all events up to `seq` are done with."""
        self._note(heard=seq)

    @contextmanager
    def turn(self, what: str) -> Generator[None]:
        """One worker at a time; a holder that froze loses it after a minute, an impatient one gives up after 10 s."""
        key = lock_key(self._instrument, "turn", what)
        with translated():
            connection = self._engine.connect().execution_options(isolation_level="READ COMMITTED")
        try:
            with translated():
                connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
                connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_FROZEN_S}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield
        finally:
            with suppress(DBAPIError):  # The server may have ended it.
                connection.rollback()
            connection.close()

    def _note(self, **values: Any) -> None:
        change = update(instruments).where(instruments.c.instrument == self._instrument).values(values)
        with translated(), self._engine.connect() as connection:
            connection.execute(change)


def name_lock(instrument: str, name: str) -> tuple[str, ...]:
    """What the lock of a worker's name is called."""
    return instrument, "worker", name


def lead_lock(instrument: str) -> tuple[str, ...]:
    """What the lock of the one is called who follows the log."""
    return instrument, "lead"


def muster_lock(instrument: str) -> tuple[str, ...]:
    """What the lock of the one is called who is just beginning, or wants nobody to."""
    return instrument, "muster"


def only_lock(instrument: str) -> tuple[str, ...]:
    """What the lock of a worker is called that shares no job database with any other."""
    return instrument, "only worker"
