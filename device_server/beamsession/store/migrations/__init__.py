"""How the tables came about, step by step, and bringing an older store up to date."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text

from beamsession.model.errors import UnavailableError

HEAD = "0005"
"""The revision of `beamsession.store.tables`; revisions are numbered, so they can be compared."""

_POSTGRES_LOCK = 0x6265616D  # any number that all processes agree on


def bring_up(engine: Engine) -> None:
    """Migrate to HEAD if the store is older; concurrent openers wait for each other.

    Raises UnavailableError STORE_TOO_NEW for a store of a later version of the program.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        if _revision(connection) == HEAD:
            return
        from beamsession.store.migrations.upgrade import upgrade  # Alembic is slow to import and rarely needed

        upgrade(connection)


def check_revision(engine: Engine) -> None:
    """Raises UnavailableError STORE_OUTDATED or STORE_TOO_NEW unless the store is at HEAD."""
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    raise UnavailableError(
        "The store was made by an earlier version, or is empty.",
        code="STORE_OUTDATED",
        remedy="Start the session manager once: it brings the store up to date.",
    )


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
    if found > HEAD:
        raise UnavailableError(
            "The store was made by a later version of this program.",
            code="STORE_TOO_NEW",
            value=found,
            remedy="Update this program.",
        )
    return found
