"""What one durable change with its chained event costs, beside a bare durable commit on the same disk."""

from __future__ import annotations

import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beamsession.model.principal import Caller, Principal
from beamsession.store import Store

ROUNDS = 400
BLOCK = 20
CALLER = Caller(Principal("benchmark"), face="cli")


def rows() -> list[dict[str, Any]]:
    """The table's rows; times are medians in milliseconds, `ratio` is value over reference."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/store.db", patience=60)
        bare = _bare(Path(folder) / "bare.db")
        try:
            return [_row("store_change_ms", _change(store), bare)]
        finally:
            store.close()


def _bare(path: Path) -> Callable[[], None]:
    """One insert of about an event's size, fsynced, with nothing around it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE line (seq INTEGER PRIMARY KEY, text TEXT)")
    text = "x" * 400

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO line (text) VALUES (?)", (text,))
        connection.execute("COMMIT")

    return commit


def _change(store: Store) -> Callable[[], None]:
    """A new title of a session, with its event."""
    with store.transaction(CALLER, "bench") as transaction:
        session = transaction.new_session(
            name="bench",
            title="",
            user="",
            proposal="",
            folder=lambda session_id, start: f"{start.year}/{session_id}",
            metadata={"sample": "CeO2"},
        )
        transaction.event("session_started", session_id=session.id)

    def change() -> None:
        nonlocal session
        with store.transaction(CALLER, "bench") as transaction:
            session = transaction.change_session(session, title=f"change {session.version}")
            transaction.event("session_renamed", session_id=session.id, title=session.title)

    return change


def _row(name: str, measured: Callable[[], None], reference: Callable[[], None]) -> dict[str, Any]:
    """Both in turns of a few, so that the disk's other users disturb both alike."""
    values: list[float] = []
    references: list[float] = []
    cpu = 0.0
    for _ in range(ROUNDS // BLOCK):
        references += [_milliseconds(reference) for _ in range(BLOCK)]
        before = time.process_time()
        values += [_milliseconds(measured) for _ in range(BLOCK)]
        cpu += time.process_time() - before
    value, base = statistics.median(values), statistics.median(references)
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "ms",
        "reference": round(base, 3),
        "ratio": round(value / base, 2),
        "goal": None,
        "higher_is_better": False,
        "cpu_s": round(cpu, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _milliseconds(function: Callable[[], None]) -> float:
    begun = time.perf_counter()
    function()
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    for row in rows():
        print(row)
