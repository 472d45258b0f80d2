"""Freezes what is to be sent: beside the attempt before, whose place it takes when it is whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.catalogue.blocks import BlockCutter
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import BlockLimits
from beamsession.servers.worker.ingest.attempt import Attempt, Frozen
from beamsession.servers.worker.ingest.sqlite_file import journal_of, opened, remove, sync, transaction

_PAGE = 5000
_SCHEMA = """
CREATE TABLE header (text TEXT NOT NULL);
CREATE TABLE parcels (
    number INTEGER PRIMARY KEY, pid TEXT NOT NULL, run INTEGER NOT NULL UNIQUE, document TEXT NOT NULL,
    files INTEGER NOT NULL, size INTEGER NOT NULL, blocks INTEGER NOT NULL, attachments INTEGER NOT NULL
);
CREATE TABLE attachments (
    parcel INTEGER NOT NULL, position INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (parcel, position)
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, checksum TEXT NOT NULL DEFAULT '',
    run INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE blocks (
    run INTEGER NOT NULL, number INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE marks (parcel INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (parcel, name)) WITHOUT ROWID;
"""


class AttemptWriter:
    """What `new_attempt` hands out; files first, then parcels."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._parcels = 0

    def add_files(self, files: Iterable[tuple[ListedFile, int]], listed: Callable[[int], None]) -> None:
        """Take the files, each with the number of its run or SESSION_S_OWN; `listed` is told how many they are."""
        count = 0

        def rows() -> Iterator[tuple[str, int, int, int, str]]:
            nonlocal count
            for file, run in files:
                count += 1
                if count % _PAGE == 0:
                    listed(count)
                yield file.path, file.size, file.mtime_ns, run, file.checksum

        with transaction(self._database):
            self._database.executemany(
                "INSERT INTO files (path, size, mtime_ns, run, checksum) VALUES (?, ?, ?, ?, ?)", rows()
            )

    def cut(self, limits: BlockLimits, frozen: Frozen) -> dict[int, int]:
        """Cut the files of each run, SESSION_S_OWN among them, into blocks; how many each has. Those without files are
        not in it.
        """
        cutters: dict[int, BlockCutter] = {}
        ranges: dict[int, tuple[int, str, str]] = {}
        for path, size, run in self._files():
            cutter = cutters.setdefault(run, BlockCutter(limits, frozen.algorithm))
            number = cutter.block_of(path, size)
            before = ranges.get(run)
            if before is None or before[0] != number:
                self._add_block(run, before)
                ranges[run] = (number, path, path)
            else:
                ranges[run] = (number, before[1], path)
        for run, last in ranges.items():
            self._add_block(run, last)
        if len(cutters) > 1:
            self._database.execute("CREATE INDEX files_by_run ON files (run)")
        return {run: cutter.count for run, cutter in cutters.items()}

    def _add_block(self, run: int, block: tuple[int, str, str] | None) -> None:
        if block:
            self._database.execute("INSERT INTO blocks VALUES (?, ?, ?, ?)", (run, *block))

    def add_parcel(
        self,
        *,
        pid: str,
        run: int,
        document: dict[str, Any],
        blocks: int,
        attachments: Sequence[dict[str, Any]] = (),
    ) -> int:
        """Add what is sent next; its number. `run` is SESSION_S_OWN for what is no one run's."""
        self._parcels += 1
        files, size = self._database.execute(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files WHERE run = ?", (run,)
        ).fetchone()
        self._database.execute(
            "INSERT INTO parcels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._parcels, pid, run, json.dumps(document), files, size, blocks, len(attachments)),
        )
        self._database.executemany(
            "INSERT INTO attachments VALUES (?, ?, ?)",
            ((self._parcels, position, json.dumps(item)) for position, item in enumerate(attachments)),
        )
        return self._parcels

    def add_marks(self, parcel: int, names: Iterable[str]) -> None:
        """Take over marks of an older version."""
        self._database.executemany("INSERT INTO marks VALUES (?, ?)", ((parcel, name) for name in names))

    def add_header(self, frozen: Frozen) -> None:
        """What all parcels have in common; the last to be written."""
        header = {
            "folder": str(frozen.folder),
            "algorithm": frozen.algorithm.value,
            "completed": frozen.completed.isoformat() if frozen.completed else None,
            "skipped": frozen.skipped,
        }
        self._database.execute("INSERT INTO header VALUES (?)", (json.dumps(header),))

    def _files(self) -> Iterator[tuple[str, int, int]]:
        after = ""
        while page := self._database.execute(
            "SELECT path, size, run FROM files WHERE path > ? ORDER BY path LIMIT ?", (after, _PAGE)
        ).fetchall():
            yield from page
            after = page[-1][0]


@contextmanager
def new_attempt(attempt: Attempt) -> Iterator[AttemptWriter]:
    """Write a new attempt, which replaces the one before with its marks when the block ends without an error."""
    attempt.folder.mkdir(parents=True, exist_ok=True)
    part = attempt.path.with_suffix(".new")
    remove(part)
    try:
        with opened(part, is_new=True) as database:
            # Nobody reads it before it is whole, so a crash may leave it in pieces.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.executescript(_SCHEMA)
            yield AttemptWriter(database)
        sync(part)
    except BaseException:
        remove(part)
        raise
    _take_place(part, attempt.path)


def _take_place(part: Path, path: Path) -> None:
    # The journal of the one before would be played back into this one.
    journal_of(path).unlink(missing_ok=True)
    part.replace(path)
    sync(path.parent)
