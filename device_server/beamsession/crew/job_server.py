"""The PostgreSQL server of the job database: what we keep there beside the jobs, and its complaints in our words."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from beamsession.model.errors import InvalidInputError, UnavailableError

_SCHEMA = "beamsession"
_CONNECT_S = 2
_POOL = 2
_POOL_WAIT_S = 5
# The first release whose servers end a session that was silent for too long.
_OLDEST_SERVER = 140000
_MAKING = "making of tables"

metadata = MetaData(schema=_SCHEMA)
workers = Table(
    "workers",
    metadata,
    Column("instrument", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("holder", String, nullable=False),
)
"""Who was at work last under each name; whether he still is, is told by the lock of that name."""

instruments = Table(
    "instruments",
    metadata,
    Column("instrument", String, primary_key=True),
    Column("folder_mark", String, nullable=False),
    Column("is_marked", Boolean, nullable=False),
    Column("heard", BigInteger, nullable=False),
)
"""What all workers of an instrument share: the mark in their folder, and the last event of the log they have heard."""


def is_shared(jobs_url: str) -> bool:
    """Whether the job database is one that several workers can share."""
    return jobs_url.startswith("postgresql")


def connect(jobs_url: str, *, answer_s: float, is_kept: bool = False) -> Engine:
    """An engine for this job database, each statement its own transaction; `is_kept`: no connection is ever re-used.

    A server that does not answer within `answer_s` seconds counts as gone. Raises InvalidInputError BAD_JOBS_URL.
    """
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": int(answer_s * 1000),
        "keepalives_idle": max(1, int(answer_s / 3)),
        "keepalives_interval": max(1, int(answer_s / 6)),
        "keepalives_count": 3,
    }
    try:
        url = make_url(jobs_url).set(drivername="postgresql+psycopg")
        if is_kept:
            return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments)
        return create_engine(
            url,
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
            connect_args=arguments,
        )
    except ModuleNotFoundError as fault:
        raise InvalidInputError(
            "The job database is on PostgreSQL, and its client is not installed.",
            code="BAD_JOBS_URL",
            remedy="Install the extra: pip install 'beamsession[postgresql]'.",
        ) from fault


def prepare(engine: Engine) -> None:
    """Make our tables where they are not there yet. Raises UnavailableError (JOBS_UNAVAILABLE, JOBS_SERVER_TOO_OLD)."""
    with translated(), engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        found = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        if found < _OLDEST_SERVER:
            raise UnavailableError(
                "The server of the job database is older than PostgreSQL 14.",
                code="JOBS_SERVER_TOO_OLD",
                value=found,
                remedy="Upgrade it, or leave store.jobs_url out: one worker needs no server.",
            )
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(_MAKING)})
        connection.execute(CreateSchema(_SCHEMA, if_not_exists=True))
        metadata.create_all(connection)
        connection.commit()


def lock_key(*names: str) -> int:
    """The number of the lock that these names stand for."""
    digest = hashlib.sha256("\0".join(("beamsession", *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@contextmanager
def translated() -> Generator[None]:
    """Raise what the database complains of as UnavailableError JOBS_UNAVAILABLE."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as fault:
        cause = str(fault.orig if isinstance(fault, DBAPIError) else fault).strip().partition("\n")[0]
        raise UnavailableError(
            f"The job database cannot be used: {cause}.",
            code="JOBS_UNAVAILABLE",
            value=cause,
            remedy="Check that the database server runs and that store.jobs_url and the password are right.",
        ) from fault
