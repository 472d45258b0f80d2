"""What every command asks of a SQLite store is found by a key, however many sessions and runs there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from beamsession.model.states import IngestState
from beamsession.store import Store

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

READS: dict[str, tuple[Callable[[Store], object], str]] = {
    "the open session": (lambda store: store.open_session("beamline"), "(instrument=? AND state=?)"),
    "sessions that complete": (lambda store: store.completing_sessions("beamline"), "(instrument=? AND state=?)"),
    "the session completed last": (lambda store: store.last_completed("beamline"), "ix_sessions_closed_stop"),
    "the newest sessions": (lambda store: store.session_ids("beamline"), "ix_sessions_instrument_id"),
    "a session by its source": (lambda store: store.session_from("beamline", "pshell:x"), "source_hash=?"),
    "runs that live": (lambda store: store.live_runs("beamline"), "ix_runs_live"),
    "the run begun last": (lambda store: store.last_run("beamline"), "ix_runs_ours"),
    "the run ended last": (lambda store: store.run_ended_last(1), "(session_id=? AND stop>?)"),
    "a run by its file": (lambda store: store.run_with_file(1, "/data/x.h5"), "(file_hash=? AND session_id=?)"),
    "a page of runs": (lambda store: store.runs(1, after=5, limit=10), "(session_id=? AND number>?)"),
    "runs moved away": (lambda store: store.runs_moved_away(1), "ix_runs_moved"),
    "events of all": (lambda store: store.events(after=5), "(rowid>?)"),
    "events of an instrument": (
        lambda store: store.events(after=5, instrument="beamline"),
        "(instrument=? AND seq>?)",
    ),
    "events of a session": (
        lambda store: store.events(after=5, instrument="beamline", session_id=1),
        "(session_id=? AND seq>?)",
    ),
    "the newest event": (lambda store: store.last_event("beamline"), "ix_events_instrument_seq"),
    "ingests that wait": (
        lambda store: store.ingest_counts("beamline", (IngestState.PENDING, IngestState.PARKED)),
        "(instrument=? AND state=?)",
    ),
    "an earlier reply": (lambda store: store.reply("beamline", "x"), "(instrument=? AND request_id=?)"),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_of_every_command_searches_by_a_key_and_sorts_nothing(url: str, store: Store, name: str) -> None:
    read, key = READS[name]
    with asked() as statements:
        read(store)
    ((statement, parameters),) = statements
    engine = create_engine(url)
    with engine.connect() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    engine.dispose()
    assert len(plan) == 1, plan
    assert plan[0].startswith("SEARCH")
    assert key in plan[0]


def test_whose_a_path_is_is_found_by_keys(url: str, store: Store) -> None:
    with asked() as statements:
        store.require_no_data(Path("/data/2026/a.zip"), Path("/data"))
    engine = create_engine(url)
    with engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).one().detail
            for statement, values in statements
        ]
    engine.dispose()
    assert len(plans) == 3
    keys = ("ix_sessions_folder", "ix_files_path_hash", "ix_runs_file_hash")
    assert all(
        f"USING COVERING INDEX {key}" in plan or f"USING INDEX {key}" in plan
        for key, plan in zip(keys, plans, strict=True)
    ), plans


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements, with their values, that read a table in the block."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)
