"""Keeps the record in the data folders up with the store, also when the data disk is away for a while."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from beamsession.archive.folder_record import FolderRecord
from beamsession.archive.session_folder import RESTARTED, News, SessionRecord
from beamsession.model.errors import BeamsessionError, NotFoundError, RefusedError
from beamsession.model.event import Event
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Session
from beamsession.store import Reads, Store

log = logging.getLogger(__name__)
# Stands for the instrument's own chain among the session ids.
_CHAIN = 0
_PAGE = 500
# After these, all runs and files of the session are written anew: they came or changed together, or are final now.
_WHOLE = {RESTARTED, "session_completed", "session_created", "session_detached", "session_imported"}
_FILE_EVENTS = {"file_added", "file_removed"}


class Keeper:
    """Writes what events bring; what cannot be written is remembered by its first event and read again later.

    Not for two threads at a time.
    """

    def __init__(self, store: Store, instrument: str, record: FolderRecord) -> None:
        self._store = store
        self._instrument = instrument
        self._record = record
        self._behind: dict[int, int] = {}

    @property
    def first_missing(self) -> int | None:
        """Number of the first event that is not yet in its folder, None if all are."""
        return min(self._behind.values(), default=None)

    def keep(self, events: Sequence[Event]) -> None:
        """Write the events of one page of the log."""
        self._try(_CHAIN, events)
        for session_id, own in _by_session(events).items():
            self._try(session_id, own)

    def catch_up(self) -> None:
        """Try again what could not be written."""
        for key, first in list(self._behind.items()):
            self._catch_up(key, first)

    def seal(self, session: Session) -> None:
        """Bring the session's record to its last state before its files are listed. Raises RefusedError and OSError."""
        if session.id in self._behind:
            self._catch_up(session.id, self._behind[session.id])
        if session.id in self._behind:
            raise OSError(f"the record in the folder of session {session.id} is behind the store")
        with self._store.snapshot() as reads:
            record = _whole(reads, session.id)
        self._record.seal(record)

    def _catch_up(self, key: int, first: int) -> None:
        after = first - 1
        while True:
            session_id = None if key == _CHAIN else key
            page = self._store.events(after=after, limit=_PAGE, instrument=self._instrument, session_id=session_id)
            if not page:
                self._behind.pop(key, None)
                log.info("the record of %s is up to date again", _name(key))
                return
            if not self._write(key, page):
                self._behind[key] = page[0].seq
                return
            after = page[-1].seq

    def _try(self, key: int, events: Sequence[Event]) -> None:
        if key in self._behind or not events:
            return  # What is missing comes first; it is read from the store again.
        if not self._write(key, events):
            self._behind[key] = events[0].seq

    def _write(self, key: int, events: Sequence[Event]) -> bool:
        try:
            if key == _CHAIN:
                self._record.keep_chain(events)
            else:
                with self._store.snapshot() as reads:
                    news = _news(reads, key, events)
                self._record.keep(news)
        except (OSError, RefusedError, ValueError) as fault:
            text = fault.text if isinstance(fault, BeamsessionError) else str(fault)
            level = logging.DEBUG if key in self._behind else logging.ERROR
            log.log(level, "the record of %s cannot be written, it is tried again: %s", _name(key), text)
            return False
        return True


def _news(reads: Reads, session_id: int, events: Sequence[Event]) -> News:
    """What these events of a session brought: only the runs and files that they name are read, unless all are new."""
    if any(event.kind in _WHOLE for event in events):
        return News(_whole(reads, session_id), tuple(events), is_whole=True)
    runs = _named_runs(reads, session_id, events)
    paths = {str(event.payload["path"]) for event in events if event.kind in _FILE_EVENTS}
    files = {path: reads.file(session_id, path) for path in sorted(paths)}
    present = {run.id for run in runs}
    return News(
        SessionRecord(
            session=reads.session(session_id),
            ingest=reads.ingest(session_id),
            runs=runs,
            files=tuple(file for file in files.values() if file is not None),
        ),
        tuple(events),
        gone_runs=frozenset(_moved_away(session_id, events) - present),
        gone_files=frozenset(path for path, file in files.items() if file is None),
    )


def _whole(reads: Reads, session_id: int) -> SessionRecord:
    runs: list[Run] = reads.runs(session_id)
    files: list[AddedFile] = reads.files(session_id)
    return SessionRecord(reads.session(session_id), reads.ingest(session_id), tuple(runs), tuple(files))


def _named_runs(reads: Reads, session_id: int, events: Sequence[Event]) -> tuple[Run, ...]:
    found: list[Run] = []
    for number in sorted({event.run_number for event in events if event.run_number is not None}):
        try:
            found.append(reads.run(session_id, number))
        except NotFoundError:
            continue  # It was moved away since, which a later event says.
    return tuple(found)


def _moved_away(session_id: int, events: Sequence[Event]) -> set[int]:
    return {
        int(event.payload["run_id"])
        for event in events
        if event.kind == "run_moved" and event.payload.get("from") == session_id
    }


def _by_session(events: Sequence[Event]) -> dict[int, list[Event]]:
    found: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event.session_id is not None:
            found[event.session_id].append(event)
    return found


def _name(key: int) -> str:
    return "the instrument" if key == _CHAIN else f"session {key}"
