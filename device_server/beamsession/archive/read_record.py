"""A data root read back: every session of an instrument, and all its events, for a store that is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from beamsession.archive import high_water
from beamsession.archive.event_lines import EventLines
from beamsession.archive.folder_record import chain_file
from beamsession.archive.folder_search import FolderNames, session_folders
from beamsession.archive.lost_records import count_complaint, with_lost
from beamsession.archive.placing import require_root
from beamsession.archive.retelling import Retelling
from beamsession.archive.session_folder import SessionFolder, SessionRecord
from beamsession.model.errors import BeamsessionError
from beamsession.model.event import Event
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import SessionState

_RULES = FileRules()  # nothing is written


@dataclass(frozen=True)
class RootRecord:
    """What a data root tells of one instrument: sessions by id, events in order.

    `last_session_id` is the highest id of which there is any trace. `complaints` are sentences about what is damaged
    or had to be told from events alone.
    """

    instrument: str
    sessions: tuple[SessionRecord, ...]
    events: tuple[Event, ...]
    last_session_id: int
    complaints: tuple[str, ...]


def read_record(
    data_root: Path, instrument: str, template: str, on_folder: Callable[[Path], None] = lambda _folder: None
) -> RootRecord:
    """Read everything; `template` is that of the session folders, `on_folder` is called before each is read.

    A damaged session is told from its events as far as these go. Raises RefusedError ROOT_MISSING and OSError.
    """
    require_root(data_root)
    reading = _Reading(data_root, instrument, FolderNames(data_root, template))
    reading.read_chain()
    for folder in session_folders(data_root, reading.note_other):
        on_folder(folder)
        reading.read_folder(folder)
    return reading.result()


@dataclass(frozen=True)
class _Found:
    """What one session's folder says; `session` is None where its session file is damaged."""

    folder: Path
    session: Session | None
    ingest: Ingest | None
    runs: tuple[Run, ...]
    files: tuple[AddedFile, ...]
    last_seq: int
    is_damaged: bool

    def record(self, told: SessionRecord | None) -> SessionRecord | None:
        """The record, with what only the events tell where something is damaged; None if nothing says what it is."""
        session = self.session or (told.session if told else None)
        if session is None:
            return None
        ingest = self.ingest or (told.ingest if told and self.is_damaged else None)
        return SessionRecord(session, ingest, self.runs, self.files)


@dataclass
class _Reading:
    """What was found so far."""

    data_root: Path
    instrument: str
    names: FolderNames
    events: dict[int, Event] = field(default_factory=dict[int, Event])
    found: dict[int, _Found] = field(default_factory=dict[int, _Found])
    ids: set[int] = field(default_factory=set[int])
    complaints: list[str] = field(default_factory=list[str])

    def read_chain(self) -> None:
        """The instrument's own file of all its events."""
        path = chain_file(self.data_root, self.instrument)

        def damaged(number: int) -> None:
            self.complaints.append(f"line {number} of {path} is no event, or was changed")

        self._take(EventLines(path, _RULES).events(damaged))

    def read_folder(self, path: Path) -> None:
        """One session's folder, with the events that it has and the instrument's file has not."""
        complaints: list[str] = []
        folder = SessionFolder(path, _RULES)
        events: list[Event] = []
        session, ingest, runs, files = None, None, (), ()
        try:
            events = folder.events(complaints.append)
            runs, files = folder.contents(complaints.append)
            document = folder.document()
            session, ingest = document.session, document.ingest
        except BeamsessionError as fault:
            complaints.append(fault.sentence.rstrip("."))
        except OSError as fault:
            complaints.append(f"{fault.filename or path} cannot be read ({fault.strerror})")
        owner = session.instrument if session else next((event.instrument for event in events), self.instrument)
        if owner != self.instrument:
            return
        self.complaints += complaints
        self._take(events)
        session_id = session.id if session else self._id_of(path, events)
        if session_id is None:
            self.complaints.append(f"nothing tells which session {path} is")
            return
        last = events[-1].seq if events else 0
        self._put(session_id, _Found(path, session, ingest, runs, files, last, bool(complaints)))

    def note_other(self, folder: Path) -> None:
        """A folder that is named like a session's and has no record: its id was given, and is not given again."""
        session_id = self.names.session_id(folder)
        if session_id is not None:
            self.ids.add(session_id)

    def result(self) -> RootRecord:
        """All of it, each session as it was after its last event."""
        events = [self.events[seq] for seq in sorted(self.events)]
        known = {event.session_id for event in events if event.session_id is not None} | set(self.found)
        told = Retelling({})
        told.tell(events)
        from_events = told.records()
        recorded = {key: (found.record(from_events.get(key)), found.last_seq) for key, found in self.found.items()}
        retelling = Retelling({key: (record, last) for key, (record, last) in recorded.items() if record is not None})
        retelling.tell(events)
        sessions = {key: self._with_lost(record, from_events.get(key)) for key, record in retelling.records().items()}
        self._complain_of(known, sessions)
        last_id = max(known | self.ids | {high_water.last_id(self.data_root)}, default=0)
        ended = tuple(self._with_one_open(sessions))
        return RootRecord(self.instrument, ended, tuple(events), last_id, tuple(self.complaints))

    def _with_lost(self, record: SessionRecord, told: SessionRecord | None) -> SessionRecord:
        """With what the events tell and the record has lost; said of those that have one."""
        found = self.found.get(record.session.id)
        if found is None:
            return record
        if told is not None:
            record, complaints = with_lost(record, told)
            self.complaints += complaints
        counted = found.session.run_count if found.session else 0
        complaint = count_complaint(counted, len(found.runs), record, told)
        self.complaints += [complaint] if complaint else []
        return record

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.instrument == self.instrument:
                self.events.setdefault(event.seq, event)

    def _id_of(self, path: Path, events: list[Event]) -> int | None:
        """Which session a folder with a damaged session file belongs to."""
        if events:
            return events[0].session_id
        relative = path.relative_to(self.data_root).as_posix()
        named = (event.session_id for event in self.events.values() if event.payload.get("folder") == relative)
        return next(named, self.names.session_id(path))

    def _put(self, session_id: int, found: _Found) -> None:
        other = self.found.get(session_id)
        if other is None:
            self.found[session_id] = found
            return
        best = max(other, found, key=lambda item: (self._is_at_home(item), item.last_seq))
        self.complaints.append(
            f"session {session_id} is in {other.folder} and in {found.folder}: taken is {best.folder}"
        )
        self.found[session_id] = best

    def _is_at_home(self, found: _Found) -> bool:
        return found.session is not None and self.data_root / found.session.folder == found.folder

    def _complain_of(self, known: set[int], sessions: dict[int, SessionRecord]) -> None:
        path = chain_file(self.data_root, self.instrument)
        if sessions and not path.exists():
            self.complaints.append(f"{path} is missing: only events of sessions that have a folder are known")
        for session_id in sorted(known):
            record, found = sessions.get(session_id), self.found.get(session_id)
            if record is None:
                self.complaints.append(f"nothing tells how session {session_id} began: it is left out")
            elif found is None and record.session.state is not SessionState.CANCELLED:
                self.complaints.append(
                    f"session {session_id} has no record in {record.session.folder}: it is told from its events"
                )
            elif found is not None and found.session is None:
                self.complaints.append(f"session {session_id} is told from its events")
        for session_id in sorted(self.ids - known):
            self.complaints.append(
                f"a folder is named after session {session_id}, and nothing else is known of that: the id stays taken"
            )

    def _with_one_open(self, sessions: dict[int, SessionRecord]) -> Iterator[SessionRecord]:
        """Where events are missing, the end of a session may be: only the newest one can be open."""
        opened = [key for key, record in sessions.items() if record.session.state.is_open]
        for key, record in sorted(sessions.items()):
            if key in opened[:-1]:
                self.complaints.append(f"the end of session {key} is not told: it counts as completed")
                session = record.session
                record = replace(record, session=replace(session, state=SessionState.COMPLETED, stop=session.start))
            yield record
