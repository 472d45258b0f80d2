"""What events tell: brings records of sessions up to the newest event, or makes them where there is no record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from beamsession.archive.retold_ingest import changed_ingest
from beamsession.archive.retold_run import BEGINNINGS as RUN_BEGINNINGS
from beamsession.archive.retold_run import begun_run, changed_run, moved_run
from beamsession.archive.session_folder import RESTARTED, SessionRecord
from beamsession.model.clock import from_text
from beamsession.model.event import Event
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import SessionState

_BEGINNINGS = {
    "session_started": SessionState.STARTED,
    "session_created": SessionState.COMPLETED,
    "session_detached": SessionState.COMPLETED,
    "session_imported": SessionState.COMPLETED,
}


@dataclass
class _Told:
    """A session as far as it is told; `known` is the number of the last event that is in it.

    `highest_gone` is the highest number of a run that was moved away: no other run may get it.
    """

    session: Session | None = None
    ingest: Ingest | None = None
    runs: dict[int, Run] = field(default_factory=dict[int, Run])
    files: dict[str, AddedFile] = field(default_factory=dict[str, AddedFile])
    known: int = 0
    highest_gone: int = 0


class Retelling:
    """Sessions as their records have them, and what the events after that tell.

    Events say less than records: of a run that no record has, the id (then 0) and the recorder's report are unknown.
    """

    def __init__(self, records: Mapping[int, tuple[SessionRecord, int]]) -> None:
        """`records` by session id, each with the number of the last event that is in it."""
        self._told = {
            session_id: _Told(
                record.session,
                record.ingest,
                {run.number: run for run in record.runs},
                {file.path: file for file in record.files},
                last,
            )
            for session_id, (record, last) in records.items()
        }
        self._departed: dict[int, Run] = {}

    def tell(self, events: Iterable[Event]) -> None:
        """Go on with these events, in their order."""
        for event in events:
            if event.session_id is None:
                continue
            told = self._told.setdefault(event.session_id, _Told())
            if event.seq > told.known:
                told.known = event.seq
                self._apply(told, event)

    def records(self) -> dict[int, SessionRecord]:
        """The sessions as they are now told, by id; without those whose beginning nothing tells."""
        found = sorted(self._told.items())
        return {key: _record(told.session, told) for key, told in found if told.session is not None}

    def _apply(self, told: _Told, event: Event) -> None:
        if event.kind in _BEGINNINGS and told.session is None:
            told.session = _beginning(event)
            told.files = {file.path: file for file in _files_at_beginning(event)}
        elif told.session is not None and event.kind in _CHANGES:
            changes = _CHANGES[event.kind](told.session, event)
            told.session = replace(told.session, **changes, version=told.session.version + 1)
        if event.kind == "run_moved":
            self._move(told, event)
        elif event.kind in RUN_BEGINNINGS:
            told.runs.setdefault(event.run_number or 0, begun_run(event))
        elif event.run_number in told.runs:
            told.runs[event.run_number] = changed_run(told.runs[event.run_number], event)
        elif event.kind in ("file_added", "file_removed"):
            _change_files(told.files, event)
        told.ingest = changed_ingest(told.ingest, event)

    def _move(self, told: _Told, event: Event) -> None:
        """Both sessions have an event, the one it left and the one it came to, in either order."""
        origin, number, run_id = int(event.payload["from"]), int(event.payload["number"]), int(event.payload["run_id"])
        if event.session_id == origin:
            told.highest_gone = max(told.highest_gone, number)
            if run := told.runs.pop(number, None):
                self._departed[run_id] = run
            return
        left = self._told.get(origin, _Told()).runs.get(number) or self._departed.get(run_id)
        run = moved_run(left, event)
        told.runs[run.number] = run


def _beginning(event: Event) -> Session:
    told = event.payload
    pid = str(told.get("pid", ""))  # an imported session may be in the catalogue already
    state = SessionState.ARCHIVED if pid else _BEGINNINGS[event.kind]
    return Session(
        id=event.session_id or 0,
        instrument=event.instrument,
        name=str(told.get("name", "")),
        title=str(told.get("title", "")),
        state=state,
        user=str(told.get("user", event.principal)),
        proposal=str(told.get("proposal", "")),
        folder=str(told.get("folder", "")),
        start=_moment(told.get("start")) or event.time,
        stop=None if state.is_open else _moment(told.get("stop")) or event.time,
        metadata=dict(told.get("metadata", {})),
        source=str(told.get("source", "")),
        dataset_pid=pid,
    )


def _in_state(state: SessionState) -> Callable[[Session, Event], dict[str, Any]]:
    return lambda _session, _event: {"state": state}


def _ended(state: SessionState) -> Callable[[Session, Event], dict[str, Any]]:
    return lambda _session, event: {"state": state, "stop": event.time}


def _edited(session: Session, event: Event) -> dict[str, Any]:
    kept = {key: value for key, value in session.metadata.items() if key not in event.payload.get("removed", ())}
    return {"metadata": {**kept, **event.payload.get("changed", {})}, "metadata_edited": True}


_CHANGES: dict[str, Callable[[Session, Event], dict[str, Any]]] = {
    "session_paused": _in_state(SessionState.PAUSED),
    "session_resumed": _in_state(SessionState.STARTED),
    "session_completing": _in_state(SessionState.COMPLETING),
    "session_completed": _ended(SessionState.COMPLETED),
    "session_cancelled": _ended(SessionState.CANCELLED),
    "session_archived": lambda _session, event: {
        "state": SessionState.ARCHIVED,
        "dataset_pid": str(event.payload.get("pid", "")),
    },
    RESTARTED: lambda _session, _event: {"state": SessionState.STARTED, "stop": None},
    "session_renamed": lambda session, event: {"title": str(event.payload.get("title", session.title))},
    "metadata_changed": _edited,
}


def _files_at_beginning(event: Event) -> list[AddedFile]:
    return [_file(event, told) for told in event.payload.get("files", ()) if isinstance(told, dict)]


def _change_files(files: dict[str, AddedFile], event: Event) -> None:
    path = str(event.payload["path"])
    if event.kind == "file_removed":
        files.pop(path, None)
        return
    files[path] = _file(event, event.payload)


def _file(event: Event, told: Mapping[str, Any]) -> AddedFile:
    return AddedFile(
        session_id=event.session_id or 0,
        path=str(told["path"]),
        added=event.time,
        size=int(told.get("size", 0)),
        modified=_moment(told.get("modified")) or event.time,
        is_folder=bool(told.get("is_folder", False)),
    )


def _record(session: Session, told: _Told) -> SessionRecord:
    highest = max(session.last_run_number, told.highest_gone, *told.runs)
    return SessionRecord(
        replace(session, run_count=len(told.runs), last_run_number=highest),
        told.ingest,
        tuple(told.runs[number] for number in sorted(told.runs)),
        tuple(sorted(told.files.values(), key=lambda file: (file.added, file.path))),
    )


def _moment(text: Any) -> datetime | None:
    return from_text(text) if isinstance(text, str) else None
