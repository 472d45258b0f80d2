"""The record in one session's folder: what the session, its runs and its added files are, and what happened.

Until the list of its files is taken for the catalogue these are `session.json`, `runs.jsonl`, `files.jsonl` and
`events.jsonl`. Then the folder is sealed: those four are data and stay, and what changes is noted in their `later_`
twins, which are no data, until the session is started again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beamsession.archive.event_lines import EventLines
from beamsession.archive.placing import replace_file
from beamsession.archive.record_lines import RecordLines, file_lines, run_lines
from beamsession.archive.session_document import SessionDocument, parse_session_document, session_document
from beamsession.model.errors import InvalidInputError
from beamsession.model.event import Event
from beamsession.model.own_names import EVENTS_FILE, FILES_FILE, LATER, LATER_FILES, RECORD, RUNS_FILE, SESSION_FILE
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session

OURS = LATER_FILES | {*RECORD}
_Runs = dict[int | str, Run | None]
_Files = dict[int | str, AddedFile | None]
RESTARTED = "session_restarted"
"""The kind of the event that makes a completed session an open one again."""


@dataclass(frozen=True)
class SessionRecord:
    """All there is to say of one session; runs by number, files in the order they were added."""

    session: Session
    ingest: Ingest | None = None
    runs: tuple[Run, ...] = ()
    files: tuple[AddedFile, ...] = ()


@dataclass(frozen=True)
class News:
    """What `events` brought: `record` has the session as it is now, and of runs and files those that changed.

    `is_whole`: they are all there are.
    """

    record: SessionRecord
    events: tuple[Event, ...]
    gone_runs: frozenset[int] = frozenset()
    gone_files: frozenset[str] = frozenset()
    is_whole: bool = False


class SessionFolder:
    """One existing folder. Methods raise OSError."""

    def __init__(self, folder: Path, rules: FileRules) -> None:
        self._folder = folder
        self._rules = rules

    @property
    def is_sealed(self) -> bool:
        """Whether the list of the files was taken."""
        return (self._folder / f"{LATER}{EVENTS_FILE}").exists()

    def last_seq(self) -> int:
        """The number of the last event in the folder, 0 if there is none."""
        return max(self._events().last_seq(), self._events(LATER).last_seq())

    def keep(self, news: News) -> None:
        """Note what is new; what the folder has already, by the numbers of the events, is not noted again.

        Runs and files come before the events and the session after them: who finds an event here finds what it
        changed, and who finds the session completed finds all that happened in it.
        """
        self._leave_format_1()
        last = self.last_seq()
        fresh = [event for event in news.events if event.seq > last]
        if self.is_sealed and any(event.kind == RESTARTED for event in fresh):
            self._unseal(news.record)
        prefix = LATER if self.is_sealed else ""
        if fresh and news.is_whole:
            self._write_all(news.record, prefix)
        elif fresh:
            self._runs(prefix).append(news.record.runs, news.gone_runs)
            self._files(prefix).append(news.record.files, news.gone_files)
        self._events(prefix).append(fresh)
        self._write_session(news.record.session, news.record.ingest, prefix)

    def seal(self, record: SessionRecord) -> None:
        """Bring everything to its last state; from now on only the `later_` files change."""
        self._write_all(record, "")
        self._write_session(record.session, None, "")
        self._write_session(record.session, record.ingest, LATER)
        self._runs(LATER).remove()
        self._files(LATER).remove()
        marker = self._folder / f"{LATER}{EVENTS_FILE}"
        if not marker.exists():
            replace_file(marker, b"", self._rules)

    def document(self) -> SessionDocument:
        """The newest session file. Raises InvalidInputError BAD_SESSION_FILE and OSError."""
        later = self._folder / f"{LATER}{SESSION_FILE}"
        path = later if self.is_sealed and later.exists() else self._folder / SESSION_FILE
        try:
            return parse_session_document(path.read_bytes())
        except InvalidInputError as fault:
            raise InvalidInputError(
                fault.sentence.replace("A session.json", str(path)),
                code=fault.code,
                value=str(path),
                remedy=fault.remedy,
            ) from fault

    def read(self, on_damage: Callable[[str], None]) -> SessionRecord:
        """All that the folder says; `on_damage` gets a sentence for each line that cannot be read.

        Raises InvalidInputError BAD_SESSION_FILE and OSError where not even the session is to be had.
        """
        document = self.document()
        return SessionRecord(document.session, document.ingest, *self.contents(on_damage))

    def contents(self, on_damage: Callable[[str], None]) -> tuple[tuple[Run, ...], tuple[AddedFile, ...]]:
        """Runs by number and files in the order they were added, also where the session file is damaged."""
        runs, files = self._base(on_damage)
        runs |= self._runs(LATER).read(self._complain(f"{LATER}{RUNS_FILE}", on_damage))
        files |= self._files(LATER).read(self._complain(f"{LATER}{FILES_FILE}", on_damage))
        return (
            tuple(sorted(filter(None, runs.values()), key=lambda run: run.number)),
            tuple(sorted(filter(None, files.values()), key=lambda file: (file.added, file.path))),
        )

    def events(self, on_damage: Callable[[str], None]) -> list[Event]:
        """The session's own events in order; `on_damage` gets a sentence for each line that is none."""
        found: dict[int, Event] = {}
        for prefix in ("", LATER):
            complain = self._complain(f"{prefix}{EVENTS_FILE}", on_damage)
            found |= {event.seq: event for event in self._events(prefix).events(complain)}
        return [found[seq] for seq in sorted(found)]

    def _base(self, on_damage: Callable[[str], None]) -> tuple[_Runs, _Files]:
        """The records as they are, or were when the folder was sealed."""
        if (inside := self._inside()) is not None:
            return {run.id: run for run in inside[0]}, {file.path: file for file in inside[1]}
        return (
            self._runs("").read(self._complain(RUNS_FILE, on_damage)),
            self._files("").read(self._complain(FILES_FILE, on_damage)),
        )

    def _inside(self) -> tuple[tuple[Run, ...], tuple[AddedFile, ...]] | None:
        """Runs and files out of a session file of format 1; None where they have files of their own."""
        if (self._folder / RUNS_FILE).exists():
            return None
        try:
            return parse_session_document((self._folder / SESSION_FILE).read_bytes()).inside
        except (FileNotFoundError, InvalidInputError):
            return None

    def _leave_format_1(self) -> None:
        """Go on in the present form with a folder that has runs and files inside its session file."""
        if not self.is_sealed and (inside := self._inside()) is not None:
            self._files("").replace(inside[1])
            self._runs("").replace(inside[0])

    def _unseal(self, record: SessionRecord) -> None:
        """Make the record one again; the mark of the seal goes last, so that a crash in between changes nothing."""
        self._write_all(record, "")
        self._write_session(record.session, record.ingest, "")
        self._events().append(self._events(LATER).events(_unheard))
        self._runs(LATER).remove()
        self._files(LATER).remove()
        for name in (SESSION_FILE, EVENTS_FILE):
            (self._folder / f"{LATER}{name}").unlink(missing_ok=True)

    def _write_all(self, record: SessionRecord, prefix: str) -> None:
        """All runs and files, one line each; beside a sealed folder also which of its own are gone."""
        runs, files = self._base(_unheard) if prefix else ({}, {})
        self._runs(prefix).replace(record.runs, set(runs) - {run.id for run in record.runs})
        self._files(prefix).replace(record.files, set(files) - {file.path for file in record.files})

    def _write_session(self, session: Session, ingest: Ingest | None, prefix: str) -> None:
        path = self._folder / f"{prefix}{SESSION_FILE}"
        content = session_document(session, ingest)
        if path.exists() and path.read_bytes() == content:
            return
        replace_file(path, content, self._rules)

    def _complain(self, name: str, on_damage: Callable[[str], None]) -> Callable[[int], None]:
        return lambda number: on_damage(f"line {number} of {self._folder / name} is damaged")

    def _runs(self, prefix: str) -> RecordLines[Run]:
        return run_lines(self._folder / f"{prefix}{RUNS_FILE}", self._rules)

    def _files(self, prefix: str) -> RecordLines[AddedFile]:
        return file_lines(self._folder / f"{prefix}{FILES_FILE}", self._rules)

    def _events(self, prefix: str = "") -> EventLines:
        return EventLines(self._folder / f"{prefix}{EVENTS_FILE}", self._rules)


def _unheard(_damage: object) -> None:
    """Complaints are for the one who reads to restore, not for the one who goes on."""
