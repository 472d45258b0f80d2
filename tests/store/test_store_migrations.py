"""A store is made, kept and recognised by its revision."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, create_engine, text

from beamsession.model.errors import InvalidInputError, UnavailableError
from beamsession.model.session import Ingest, IngestDataset
from beamsession.model.states import DatasetState, IngestState
from beamsession.store import Store, migrations
from beamsession.store.migrations.upgrade import configuration
from beamsession.store.tables import metadata
from store_samples import CALLER, INSTRUMENT, note, start_session

OPENER = (
    "import sys; from beamsession.store import Store; Store.open(sys.argv[1]).close(); print('alembic' in sys.modules)"
)


def opener(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OPENER, url], stdout=subprocess.PIPE, text=True)


def test_the_migrations_make_the_tables(url: str, store: Store) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_migrations_make_the_same_definitions_word_for_word(url: str, store: Store, tmp_path: Path) -> None:
    direct = f"sqlite:///{tmp_path}/direct.db"
    engine = create_engine(direct)
    metadata.create_all(engine)
    engine.dispose()
    assert definitions(url) == definitions(direct)


def definitions(address: str) -> set[frozenset[str]]:
    """Each definition as the set of its parts: their order is of no account."""
    engine = create_engine(address)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE tbl_name != 'alembic_version'")).all()
    engine.dispose()
    return {frozenset(" ".join(part.split()) for part in re.split("[(),]", row.sql)) for row in rows if row.sql}


def test_the_newest_migration_is_the_one_the_program_expects(url: str, store: Store) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(configuration(connection)).get_current_head() == migrations.HEAD
    engine.dispose()


def test_opening_again_keeps_everything_and_needs_no_migration_tool(url: str, store: Store) -> None:
    note(store)
    head = store.head()
    again = opener(url)
    assert again.communicate(timeout=100)[0] == "False\n"
    assert store.head() == head


def test_programs_that_open_a_new_store_at_once_make_it_once(url: str) -> None:
    openers = [opener(url) for _ in range(4)]
    for program in openers:
        program.communicate(timeout=200)
    assert [program.returncode for program in openers] == [0, 0, 0, 0]
    store = Store.open(url)
    assert store.head()[0] == 0
    store.close()


def test_datasets_of_an_ingest_are_kept_in_their_order(store: Store) -> None:
    session = start_session(store)
    known = (IngestDataset("p/1", None, 3, 7), IngestDataset("p/2", 2, 1, 2, DatasetState.SENDING))
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.set_ingest(Ingest(session.id, IngestState.RUNNING, transaction.now, pid="p/1", datasets=known))
        transaction.event("ingest_running", session_id=session.id)
    ingest = store.ingest(session.id)
    assert ingest is not None
    assert ingest.datasets == known


def test_ingests_of_before_there_were_datasets_have_none(postgres: object, url: str) -> None:
    engine = create_engine(url)
    if engine.url.database and url.startswith("sqlite"):
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0002")
        for name in ("sessions", "ingests"):
            table = Table(name, MetaData(), autoload_with=connection)
            values = {column.name: _any_value(column) for column in table.columns}
            connection.execute(table.insert().values(values))
    engine.dispose()
    store = Store.open(url)
    ingest = store.ingest(1)
    store.close()
    assert ingest is not None
    assert (ingest.state, ingest.datasets) == (IngestState.PARKED, ())


def _any_value(column: Column[Any]) -> Any:
    """Something that the column takes, and a reader of ingests understands."""
    if column.name in ("state", "overlay", "metadata"):
        return "parked" if column.name == "state" else "{}"
    if column.type.python_type is bool:
        return False
    return 1 if column.type.python_type is int else "some"


def test_a_store_of_a_later_version_is_not_touched(url: str, store: Store) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for migrate in (True, False):
        with pytest.raises(UnavailableError) as refused:
            Store.open(url, migrate=migrate)
        assert refused.value.code == "STORE_TOO_NEW"


def test_reading_an_empty_database_does_not_make_tables(postgres: object, url: str) -> None:
    with pytest.raises(UnavailableError) as refused:
        Store.open(url, migrate=False)
    assert refused.value.code == ("STORE_UNAVAILABLE" if url.startswith("sqlite") else "STORE_OUTDATED")
    assert refused.value.remedy


@pytest.mark.parametrize("address", ["", "store.db", "sqlite://", "sqlite:///relative.db", "mysql://host/x"])
def test_an_address_that_is_not_understood_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Store.open(address)
    assert refused.value.code == "BAD_STORE_URL"
