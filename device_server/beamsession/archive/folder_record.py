"""The data folder explains itself: the record of each session, the instrument's events, the id high-water mark.

The instrument's whole chain of events is in `.beamsession/` of the data root, with those of sessions that were
cancelled and have no folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from beamsession.archive import high_water
from beamsession.archive.event_lines import EventLines
from beamsession.archive.placing import make_folder, require_root
from beamsession.archive.session_folder import OURS, News, SessionFolder, SessionRecord
from beamsession.model.event import Event
from beamsession.model.own_names import EVENTS_FILE
from beamsession.model.plan import FileRules
from beamsession.model.session import Session
from beamsession.model.states import SessionState

INSTRUMENT_FOLDER = ".beamsession"


def chain_file(data_root: Path, instrument: str) -> Path:
    """Where all events of the instrument are."""
    return data_root / INSTRUMENT_FOLDER / f"{instrument}_{EVENTS_FILE}"


class FolderRecord:
    """Keeps the record in one data root. Methods raise RefusedError (ROOT_MISSING, OUTSIDE_ROOT) and OSError.

    Not for two threads at a time: its owner holds a lock.
    """

    def __init__(self, data_root: Path, instrument: str, rules: FileRules) -> None:
        self._root = data_root
        self._instrument = instrument
        self._rules = rules

    def keep(self, news: News) -> None:
        """Write what is new of one session into its folder; repeating it adds nothing."""
        session = news.record.session
        require_root(self._root)
        high_water.raise_to(self._root, session.id, self._rules)
        if session.state is SessionState.CANCELLED:
            self._let_go(session)
            if not (self._root / session.folder).is_dir():
                return
        self._folder(session).keep(news)

    def keep_chain(self, events: Iterable[Event]) -> None:
        """Append every event of the instrument to its own file: the whole chain, also of what has no folder."""
        path = chain_file(self._root, self._instrument)
        make_folder(self._root, path.parent, self._rules)
        EventLines(path, self._rules).append(events)

    def seal(self, record: SessionRecord) -> None:
        """Bring the session's record to its last state: from now on it is data like the others, and stays."""
        self._folder(record.session).seal(record)

    def _folder(self, session: Session) -> SessionFolder:
        folder = self._root / session.folder
        make_folder(self._root, folder, self._rules)
        return SessionFolder(folder, self._rules)

    def _let_go(self, session: Session) -> None:
        """A cancelled session has no folder; one that came into being beside the cancellation goes again."""
        folder = self._root / session.folder
        if not folder.is_dir() or not {path.name for path in folder.iterdir()} <= OURS:
            return
        for name in OURS:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
