"""Sessions, runs, files and a chain of events for the tests of the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from beamsession.archive.session_folder import News, SessionRecord
from beamsession.model.event import GENESIS, Event, chain_hash
from beamsession.model.plan import FileRules
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import RunIntent, RunState, SessionState

RULES = FileRules(file_mode=0o640, folder_mode=0o2750)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOME = "2026/p1/000003_x"
SESSION = Session(
    id=3,
    instrument="B1",
    name="Łukasz 2θ",
    title="",
    state=SessionState.STARTED,
    user="anna",
    proposal="p1",
    folder=HOME,
    start=NOW,
)


def run(number: int, **changes: Any) -> Run:
    facts: dict[str, Any] = {
        "id": 100 + number,
        "session_id": 3,
        "number": number,
        "state": RunState.COMPLETED,
        "intent": RunIntent.STOP,
        "origin": RunOrigin.RECORDED,
        "start": NOW + timedelta(seconds=number),
        "recorded_in": 3,
        "recorded_as": number,
    }
    return Run(**(facts | changes))


def file(name: str) -> AddedFile:
    return AddedFile(session_id=3, path=f"/elsewhere/{name}", added=NOW, size=1, modified=NOW)


class Log:
    """Makes events, each chained to the one before."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, *, session: int | None = 3, run_number: int | None = None, **payload: Any) -> Event:
        last = self.events[-1] if self.events else None
        event = Event(
            seq=last.seq + 1 if last else 1,
            time=NOW + timedelta(minutes=len(self.events)),
            instrument="B1",
            kind=kind,
            principal="anna",
            role="user",
            face="cli",
            session_id=session,
            run_number=run_number,
            payload=payload,
            previous=last.hash if last else GENESIS,
        )
        self.events.append(replace(event, hash=chain_hash(event)))
        return self.events[-1]


def news(
    session: Session,
    events: Sequence[Event],
    *,
    runs: Sequence[Run] = (),
    files: Sequence[AddedFile] = (),
    ingest: Ingest | None = None,
    **told: Any,
) -> News:
    """What `events` brought."""
    return News(SessionRecord(session, ingest, tuple(runs), tuple(files)), tuple(events), **told)
