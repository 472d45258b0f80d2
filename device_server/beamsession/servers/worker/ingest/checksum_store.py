"""The checksums taken of one session's files, whenever that was: they count as long as size and time are the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.servers.worker.ingest.sqlite_file import DamagedError, opened, remove, transaction

_PAGE = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS checksums (
    path TEXT NOT NULL, algorithm TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    checksum TEXT NOT NULL, PRIMARY KEY (path, algorithm)
) WITHOUT ROWID
"""


class ChecksumStore:
    """In the folder of the session's attempts; paths are relative to the session's data folder.

    Nothing is lost with it but time. Methods raise OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "checksums.sqlite"

    def add(self, files: Sequence[ListedFile], algorithm: ChecksumAlgorithm) -> None:
        """Keep these files' checksums in the place of older ones."""
        rows = [(file.path, algorithm.value, file.size, file.mtime_ns, file.checksum) for file in files]
        with self._database() as database, transaction(database):
            database.executemany("INSERT OR REPLACE INTO checksums VALUES (?, ?, ?, ?, ?)", rows)

    def has(self, file: ListedFile, algorithm: ChecksumAlgorithm) -> bool:
        """Whether the checksum of the file as it is now is known."""
        with self._database() as database:
            row = database.execute(
                "SELECT size, mtime_ns FROM checksums WHERE path = ? AND algorithm = ?", (file.path, algorithm.value)
            ).fetchone()
        return row == (file.size, file.mtime_ns)

    def known(self, algorithm: ChecksumAlgorithm) -> Iterator[ListedFile]:
        """All that was kept."""
        after = ""
        while self.path.exists() and (page := self._page(algorithm, after)):
            yield from page
            after = page[-1].path

    def _page(self, algorithm: ChecksumAlgorithm, after: str) -> list[ListedFile]:
        with self._database() as database:
            rows = database.execute(
                "SELECT path, size, mtime_ns, checksum FROM checksums WHERE path > ? AND algorithm = ?"
                " ORDER BY path LIMIT ?",
                (after, algorithm.value, _PAGE),
            ).fetchall()
        return [ListedFile(*row) for row in rows]

    def forget(self) -> None:
        """Remove them all: the session is archived, and nobody needs them any more."""
        remove(self.path)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with opened(self.path, is_new=True) as database:
                database.execute(_SCHEMA)
                yield database
        except DamagedError as fault:
            remove(self.path)  # They are taken again.
            raise OSError(str(fault)) from fault
