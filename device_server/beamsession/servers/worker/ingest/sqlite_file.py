"""Small SQLite files of the worker's own: one connection for each use, and errors that say what is the matter."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_LOCK_S = 60.0
_CACHE_KIB = 2000


class DamagedError(Exception):
    """The file is not there, or is no such database any more."""


@contextmanager
def opened(path: Path, *, is_new: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection without transactions of its own; what is committed survives a power cut.

    The journal is a file beside it, which works on network file systems that know locks, unlike a write-ahead log.
    Raises DamagedError, and OSError where the disk or another process is in the way.
    """
    mode = "rwc" if is_new else "rw"
    if not is_new and not path.exists():
        raise DamagedError(f"{path} is not there")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_LOCK_S)) as database:
            database.isolation_level = None
            database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            # The journal stays and is overwritten: nothing to be synced in the folder at each commit.
            database.execute("PRAGMA journal_mode = PERSIST")
            database.execute("PRAGMA synchronous = FULL")
            yield database
    except sqlite3.DatabaseError as fault:
        # A plain error is a table that is not there.
        in_the_way = isinstance(fault, sqlite3.OperationalError) and fault.sqlite_errorcode != sqlite3.SQLITE_ERROR
        raise (OSError if in_the_way else DamagedError)(f"{path}: {fault}") from fault


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def remove(path: Path) -> None:
    """Take the file away, with what belongs to it."""
    for name in (path, journal_of(path)):
        name.unlink(missing_ok=True)


def journal_of(path: Path) -> Path:
    """The file beside it."""
    return path.with_name(f"{path.name}-journal")


def sync(path: Path) -> None:
    """Have a file or a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
