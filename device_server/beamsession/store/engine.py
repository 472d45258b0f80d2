"""Connections: durable commits, explicit transactions, and locks that are waited for a limited time."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from beamsession.model.errors import InvalidInputError, UnavailableError

CONNECT_SECONDS = 2
_BEGIN = "beamsession_begin"
# Connections of one process to PostgreSQL, which serves 100 in all unless told otherwise.
_KEPT, _MOST = 5, 20


def connect(address: str, *, writable: bool, patience: float) -> tuple[Engine, Engine]:
    """The engine for reads and the one for writes, over one pool.

    `address` is `sqlite:////absolute/path` (its folder is created if `writable`) or `postgresql+psycopg://…`.
    A lock is waited for during `patience` seconds. Raises InvalidInputError BAD_STORE_URL.
    """
    url = _parsed(address)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite(url, writable=writable, patience=patience)
        return engine, engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
    engine = _postgresql(url, writable=writable, patience=patience)
    return engine, engine


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as fault:
        raise _bad_url(address) from fault
    if url.drivername == "sqlite" and url.database and Path(url.database).is_absolute():
        return url
    if url.drivername == "postgresql+psycopg":
        return url
    raise _bad_url(url.render_as_string(hide_password=True))


def _bad_url(shown: str) -> InvalidInputError:
    return InvalidInputError(
        "The address of the store is not understood.",
        code="BAD_STORE_URL",
        value=shown,
        remedy="Give sqlite:////absolute/path/store.db or postgresql+psycopg://user@host/database.",
    )


def _sqlite(url: URL, *, writable: bool, patience: float) -> Engine:
    path = Path(str(url.database))
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True)
    mode = "rwc" if writable else "rw"  # never create a file only to read it
    engine = create_engine(
        URL.create("sqlite", database=path.as_uri(), query={"mode": mode, "uri": "true"}),
        connect_args={"timeout": patience},
        max_overflow=100,
        pool_timeout=patience,
    )

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begin` below does
        if writable:
            _ensure_wal(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {'OFF' if writable else 'ON'}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _ensure_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Write-ahead logging, so that readers and the writer do not block each other; kept in the file once it is set."""
    deadline = time.monotonic() + patience
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as fault:
            # This one lock SQLite does not wait for: two programs make the same new file.
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise UnavailableError(
            "The disk of the store cannot do write-ahead logging.",
            code="STORE_UNAVAILABLE",
            value=mode,
            remedy="Put the store on a local disk, or use PostgreSQL.",
        )


def _postgresql(url: URL, *, writable: bool, patience: float) -> Engine:
    settings = {
        "lock_timeout": f"{int(patience * 1000)}ms",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read\\ committed",
        "default_transaction_read_only": "off" if writable else "on",
    }
    given = url.query.get("options", "")
    options = " ".join([str(given), *(f"-c {name}={value}" for name, value in settings.items())])
    return create_engine(
        url.difference_update_query(["options"]),
        connect_args={"options": options.strip(), "connect_timeout": CONNECT_SECONDS},
        pool_size=_KEPT,
        max_overflow=_MOST - _KEPT,
        pool_timeout=patience,
        pool_pre_ping=True,
    )
