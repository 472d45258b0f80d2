"""What is being sent to the catalogue for one session, frozen on disk: later edits cannot change it half-way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.model.errors import RefusedError
from beamsession.model.session import Session
from beamsession.servers.worker.ingest.session_files import MOVED
from beamsession.servers.worker.ingest.sqlite_file import DamagedError, opened, transaction

SESSION_S_OWN = 0
"""Stands among the numbers of runs for what belongs to no run, or to the one dataset that holds all."""


@dataclass(frozen=True)
class Frozen:
    """What all parcels have in common; `folder` is absolute, `skipped` counts what could not be listed.

    `completed` is when the session was: one that is opened again has another time. None: frozen by an older version,
    which knew no such sessions.
    """

    folder: Path
    algorithm: ChecksumAlgorithm
    completed: datetime | None = None
    skipped: int = 0

    def is_of(self, session: Session) -> bool:
        """Whether this is the session as it was completed last."""
        return self.completed in (None, session.stop)


@dataclass(frozen=True)
class Parcel:
    """What becomes one dataset. `number` counts from 1 in the order of sending; `run` is None where it is no one run's.

    `size` in bytes. `blocks` and `attachments` are counts.
    """

    number: int
    pid: str
    run: int | None
    document: dict[str, Any]
    files: int
    size: int
    blocks: int
    attachments: int


def attempt_folder(folder: Path, session_id: int) -> Path:
    """Where that of a session is, in the worker's `folder` for all of them."""
    return folder / f"{session_id:06d}"


class Attempt:
    """A folder of the worker's own with the frozen parcels, their files, and marks of intent.

    A mark is set before a request that cannot be undone and taken away when it surely did nothing; a mark that is
    there says: look before you send. Methods raise RefusedError (PAYLOAD_LOST) and OSError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: sqlite3.Connection | None = None
        self.path = folder / "attempt.sqlite"
        """Made by `attempt_writing`."""

    @property
    def folder(self) -> Path:
        """Where it is; not there before anything was kept."""
        return self._folder

    @property
    def is_frozen(self) -> bool:
        """Whether there is something to send."""
        try:
            self.frozen()
        except RefusedError:
            return False
        return True

    def frozen(self) -> Frozen:
        """What was frozen."""
        with self._database() as database:
            (text,) = database.execute("SELECT text FROM header").fetchone()
        header: dict[str, Any] = json.loads(text)
        completed = header["completed"]
        return Frozen(
            folder=Path(header["folder"]),
            algorithm=ChecksumAlgorithm(header["algorithm"]),
            completed=datetime.fromisoformat(completed) if completed else None,
            skipped=int(header["skipped"]),
        )

    def parcel(self, number: int) -> Parcel:
        """The parcel with this number."""
        with self._database() as database:
            row = database.execute(f"SELECT {_COLUMNS}, document FROM parcels WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise self._lost()
        return _parcel(row)

    def parcels(self) -> list[Parcel]:
        """All, in the order of sending, without their documents."""
        with self._database() as database:
            rows = database.execute(f"SELECT {_COLUMNS}, '{{}}' FROM parcels ORDER BY number")
            return [_parcel(row) for row in rows]

    def attachments(self, number: int) -> list[dict[str, Any]]:
        """The frozen attachments of a parcel, in the order of sending."""
        with self._database() as database:
            rows = database.execute(
                "SELECT document FROM attachments WHERE parcel = ? ORDER BY position", (number,)
            ).fetchall()
        return [json.loads(text) for (text,) in rows]

    def block(self, parcel: Parcel, number: int) -> list[ListedFile]:
        """The files of one block (from 0) with their checksums, sorted by path."""
        with self._database() as database:
            rows = database.execute(
                "SELECT path, size, mtime_ns, checksum FROM files JOIN blocks USING (run)"
                " WHERE run = ? AND number = ? AND path BETWEEN first AND last ORDER BY path",
                (SESSION_S_OWN if parcel.run is None else parcel.run, number),
            ).fetchall()
        return [ListedFile(*row) for row in rows]

    def origins(self) -> list[int]:
        """The sessions in which runs were recorded that were moved here with their files."""
        with self._database() as database:
            rows = database.execute(
                "SELECT DISTINCT CAST(substr(path, ?, 6) AS INTEGER) FROM files WHERE path >= ? AND path < ?",
                (len(_MOVED) + 1, _MOVED, _BEHIND_MOVED),
            ).fetchall()
        return [number for (number,) in rows if number > 0]

    def without_checksum(self) -> Iterator[ListedFile]:
        """The files that have none, by path."""
        after = ""
        while page := self._without_checksum(after):
            yield from page
            after = page[-1].path

    def remaining(self) -> tuple[int, int]:
        """How many files have no checksum yet, and their bytes."""
        with self._database() as database:
            return database.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files WHERE checksum = ''").fetchone()

    def _without_checksum(self, after: str) -> list[ListedFile]:
        with self._database() as database:
            rows = database.execute(
                "SELECT path, size, mtime_ns FROM files WHERE path > ? AND checksum = '' ORDER BY path LIMIT ?",
                (after, _PAGE),
            ).fetchall()
        return [ListedFile(*row) for row in rows]

    def take_known(self, known: Iterable[ListedFile], place: str = "") -> None:
        """Take the checksums of files that are now as they were then; the paths of `known` begin below `place`."""
        rows = ((file.checksum, place + file.path, file.size, file.mtime_ns) for file in known)
        with self._database() as database, transaction(database):
            database.executemany(
                "UPDATE files SET checksum = ? WHERE path = ? AND size = ? AND mtime_ns = ? AND checksum = ''", rows
            )

    def set_checksums(self, files: Sequence[ListedFile]) -> None:
        """Keep these files' checksums."""
        with self._database() as database, transaction(database):
            database.executemany(
                "UPDATE files SET checksum = ? WHERE path = ?", ((file.checksum, file.path) for file in files)
            )

    def mark(self, parcel: int, *names: str) -> None:
        """Set marks, all or none; they survive a power cut."""
        with self._database() as database, transaction(database):
            database.executemany(
                "INSERT OR IGNORE INTO marks (parcel, name) VALUES (?, ?)", ((parcel, name) for name in names)
            )

    def set_pid(self, parcel: int, pid: str, *marks: str) -> None:
        """Keep the pid that the server has made, and set marks with it."""
        with self._database() as database, transaction(database):
            database.execute("UPDATE parcels SET pid = ? WHERE number = ?", (pid, parcel))
            database.executemany(
                "INSERT OR IGNORE INTO marks (parcel, name) VALUES (?, ?)", ((parcel, name) for name in marks)
            )

    def unmark(self, parcel: int, name: str) -> None:
        """Take a mark away."""
        with self._database() as database:
            database.execute("DELETE FROM marks WHERE parcel = ? AND name = ?", (parcel, name))

    def is_marked(self, parcel: int, name: str) -> bool:
        """Whether the mark is set."""
        return name in self.marks(parcel)

    def marks(self, parcel: int) -> frozenset[str]:
        """All marks of a parcel."""
        with self._database() as database:
            return frozenset(row[0] for row in database.execute("SELECT name FROM marks WHERE parcel = ?", (parcel,)))

    def marked(self, name: str) -> list[int]:
        """The parcels that have this mark, in the order of sending."""
        with self._database() as database:
            rows = database.execute("SELECT parcel FROM marks WHERE name = ? ORDER BY parcel", (name,))
            return [row[0] for row in rows]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep it open for all that this thread does with it meanwhile; it must not be frozen anew."""
        try:
            with opened(self.path) as database:
                self._held = database
                try:
                    yield
                finally:
                    self._held = None
        except DamagedError as fault:
            raise self._lost() from fault

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        if self._held is not None:
            yield self._held
            return
        try:
            with opened(self.path) as database:
                yield database
        except (DamagedError, ValueError, TypeError, KeyError) as fault:
            raise self._lost() from fault

    def _lost(self) -> RefusedError:
        return RefusedError(
            f"What was to be sent to the catalogue is not in {self._folder} any more.",
            code="PAYLOAD_LOST",
            value=str(self._folder),
            remedy="Ask for the ingest again: it begins anew.",
        )


_PAGE = 1000
_MOVED = f"{MOVED}/"
_BEHIND_MOVED = f"{MOVED}0"  # the next letter after the slash
_COLUMNS = "number, pid, run, files, size, blocks, attachments"


def _parcel(row: Sequence[Any]) -> Parcel:
    number, pid, run, files, size, blocks, attachments, document = row
    return Parcel(
        number=number,
        pid=pid,
        run=None if run == SESSION_S_OWN else run,
        document=json.loads(document),
        files=files,
        size=size,
        blocks=blocks,
        attachments=attachments,
    )
