"""Alembic runs this file for each of its commands."""

from __future__ import annotations

from alembic import context

from beamsession.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's too: the engine begins transactions explicitly
)
context.run_migrations()
