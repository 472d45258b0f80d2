"""A store is made, kept and recognised by its revision."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from beamsession.model.errors import InvalidInputError, UnavailableError
from beamsession.store import Store, migrations
from beamsession.store.migrations.upgrade import configuration
from beamsession.store.tables import metadata
from store_samples import note

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
