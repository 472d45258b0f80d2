"""The data folder explains itself: `session.json`, `events.jsonl`, the id high-water mark, kept as a session goes on.

Once the list of the session's files is taken for the catalogue, these two files are data like the others and
never change again; what happens later is appended to `later_events.jsonl` beside them. The instrument's whole chain of
events is in `.beamsession/` of the data root, with those of sessions that were cancelled and have no folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from beamsession.archive import high_water
from beamsession.archive.event_lines import EventLines
from beamsession.archive.placing import make_folder, replace_file, require_root
from beamsession.archive.session_document import session_document
from beamsession.model.event import Event
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Session
from beamsession.model.states import SessionState

SESSION_FILE = "session.json"
EVENTS_FILE = "events.jsonl"
LATER_FILE = "later_events.jsonl"
INSTRUMENT_FOLDER = ".beamsession"


class FolderRecord:
    """Keeps the record in one data root. Methods raise RefusedError (ROOT_MISSING, OUTSIDE_ROOT) and OSError.

    Not for two threads at a time: its owner holds a lock.
    """

    def __init__(self, data_root: Path, instrument: str, rules: FileRules) -> None:
        self._root = data_root
        self._instrument = instrument
        self._rules = rules

    def keep(self, session: Session, runs: Sequence[Run], files: Sequence[AddedFile], events: Iterable[Event]) -> None:
        """Write what `events` of the session and its present state add to the folder; repeating it adds nothing."""
        require_root(self._root)
        high_water.raise_to(self._root, session.id, self._rules)
        if session.state is SessionState.CANCELLED:
            self._let_go(session)
            return
        folder = self._root / session.folder
        make_folder(self._root, folder, self._rules)
        if self.is_sealed(session):
            EventLines(folder / LATER_FILE, self._rules).append(self._after(folder / EVENTS_FILE, events))
            return
        EventLines(folder / EVENTS_FILE, self._rules).append(events)
        self._write_session(session, runs, files)

    def keep_chain(self, events: Iterable[Event]) -> None:
        """Append every event of the instrument to its own file: the whole chain, also of what has no folder."""
        folder = self._root / INSTRUMENT_FOLDER
        make_folder(self._root, folder, self._rules)
        EventLines(folder / f"{self._instrument}_{EVENTS_FILE}", self._rules).append(events)

    def seal(self, session: Session, runs: Sequence[Run], files: Sequence[AddedFile]) -> None:
        """Bring `session.json` to its last state; from now on neither it nor `events.jsonl` changes."""
        folder = self._root / session.folder
        make_folder(self._root, folder, self._rules)
        self._write_session(session, runs, files)
        later = folder / LATER_FILE
        if not later.exists():
            replace_file(later, b"", self._rules)

    def is_sealed(self, session: Session) -> bool:
        """Whether the file list of the session was taken."""
        return (self._root / session.folder / LATER_FILE).exists()

    def _write_session(self, session: Session, runs: Sequence[Run], files: Sequence[AddedFile]) -> None:
        path = self._root / session.folder / SESSION_FILE
        content = session_document(session, runs, files)
        if path.exists() and path.read_bytes() == content:
            return
        replace_file(path, content, self._rules)

    def _after(self, sealed: Path, events: Iterable[Event]) -> list[Event]:
        last = EventLines(sealed, self._rules).last_seq()
        return [event for event in events if event.seq > last]

    def _let_go(self, session: Session) -> None:
        """A cancelled session has no folder; one that came into being beside the cancellation goes again."""
        folder = self._root / session.folder
        ours = {SESSION_FILE, EVENTS_FILE}
        if not folder.is_dir() or not {path.name for path in folder.iterdir()} <= ours:
            return
        for name in ours:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
