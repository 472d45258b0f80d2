"""Keeps the record in the data folders up with the store, also when the data disk is away for a while."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from beamsession.archive.folder_record import FolderRecord
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.event import Event
from beamsession.model.session import Session
from beamsession.store import Store

log = logging.getLogger(__name__)
# Stands for the instrument's own chain among the session ids.
_CHAIN = 0
_PAGE = 500


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
        self._record.seal(session, self._store.runs(session.id), self._store.files(session.id))

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
                session = self._store.session(key)
                self._record.keep(session, self._store.runs(key), self._store.files(key), events)
        except (OSError, RefusedError, ValueError) as fault:
            text = fault.text if isinstance(fault, BeamsessionError) else str(fault)
            level = logging.DEBUG if key in self._behind else logging.ERROR
            log.log(level, "the record of %s cannot be written, it is tried again: %s", _name(key), text)
            return False
        return True


def _by_session(events: Sequence[Event]) -> dict[int, list[Event]]:
    found: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event.session_id is not None:
            found[event.session_id].append(event)
    return found


def _name(key: int) -> str:
    return "the instrument" if key == _CHAIN else f"session {key}"
