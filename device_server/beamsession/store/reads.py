"""Everything that can be read, in model values; the store and a transaction read alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Row, bindparam, func, or_, select

from beamsession.model.catalogue_standing import CatalogueStanding
from beamsession.model.errors import NotFoundError
from beamsession.model.event import Event, Refusal
from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.paths import is_data
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import IngestState, SessionState
from beamsession.store import rows
from beamsession.store.chain import read_head
from beamsession.store.columns import digest
from beamsession.store.ownership import select_owners
from beamsession.store.query import Place, SessionQuery, select_sessions
from beamsession.store.replies import Reply
from beamsession.store.tables import (
    IS_CLOSED,
    IS_LIVE,
    IS_OPEN,
    IS_OURS,
    IS_UNSEEN_FAILURE,
    WAS_MOVED,
    catalogues,
    events,
    files,
    ingests,
    jobs,
    refusals,
    replies,
    runs,
    sessions,
)

_ABOUT_INGEST = ("session_completed", "session_created", "session_detached", "session_archived")
_SELECT_SESSION = select(sessions).where(sessions.c.id == bindparam("id"))
# Asked at every command, so composed once.
_SELECT_OPEN = select(sessions).where(sessions.c.instrument == bindparam("instrument"), IS_OPEN)
_SELECT_COMPLETING = (
    select(sessions)
    .where(sessions.c.instrument == bindparam("instrument"), sessions.c.state == SessionState.COMPLETING)
    .order_by(sessions.c.start, sessions.c.id)
)
_SELECT_LIVE = select(runs).where(runs.c.instrument == bindparam("instrument"), IS_LIVE).order_by(runs.c.id)
_SELECT_LAST_RUN = (
    select(runs).where(runs.c.instrument == bindparam("instrument"), IS_OURS).order_by(runs.c.id.desc()).limit(1)
)
_SELECT_ENDED_RUN = (
    select(runs)
    .where(runs.c.session_id == bindparam("session_id"), runs.c.stop.is_not(None))
    .order_by(runs.c.stop.desc(), runs.c.number.desc())
    .limit(1)
)
_SELECT_EVENTS = (
    select(events).where(events.c.seq > bindparam("after")).order_by(events.c.seq).limit(bindparam("number"))
)
_SELECT_RUN = select(runs).where(runs.c.session_id == bindparam("session_id"), runs.c.number == bindparam("number"))


class Reads(ABC):
    """Reads; each sees one consistent state of the store. Raises UnavailableError when the store cannot answer."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]:
        """The connection for one read."""

    def session(self, session_id: int) -> Session:
        """The session. Raises NotFoundError SESSION_NOT_FOUND."""
        row = self._first(_SELECT_SESSION, id=session_id)
        if row is None:
            raise NotFoundError(
                f"There is no session {session_id}.",
                code="SESSION_NOT_FOUND",
                value=session_id,
                remedy="List the sessions to see which there are.",
            )
        return rows.to_session(row)

    def open_session(self, instrument: str) -> Session | None:
        """The instrument's session that is STARTED or PAUSED: one at most."""
        row = self._first(_SELECT_OPEN, instrument=instrument)
        return rows.to_session(row) if row else None

    def session_below(self, folder: str) -> int | None:
        """The id of some session whose folder lies below `folder`, which is relative to the data root."""
        start = f"{folder}/" if folder not in ("", ".") else ""
        inside = sessions.c.folder.startswith(start, autoescape=True)
        row = self._first(select(sessions.c.id).where(inside).limit(1))
        return row.id if row else None

    def completing_sessions(self, instrument: str) -> list[Session]:
        """The sessions that wait for their last run to drain, oldest first."""
        found = self._all(_SELECT_COMPLETING, instrument=instrument)
        return [rows.to_session(row) for row in found]

    def sessions(self, query: SessionQuery) -> list[Session]:
        """A page of sessions. Raises InvalidInputError BAD_PAGE; NotFoundError for an unknown `before_id`."""
        with self._reading() as connection:
            after: Place | None = None
            if query.before_id is not None:
                last = self.session(query.before_id)
                after = Place(last.start, last.id)
            return [rows.to_session(row) for row in connection.execute(select_sessions(query, after))]

    def session_ids(self, instrument: str, limit: int = 1000) -> list[int]:
        """The ids of the instrument's newest sessions, newest first."""
        found = self._all(
            select(sessions.c.id).where(sessions.c.instrument == instrument).order_by(sessions.c.id.desc()).limit(limit)
        )
        return [row.id for row in found]

    def last_completed(self, instrument: str) -> Session | None:
        """The session that was completed last, whether archived since or not."""
        column = sessions.c
        row = self._first(
            select(sessions)
            .where(column.instrument == instrument, column.stop.is_not(None), IS_CLOSED)
            .order_by(column.stop.desc(), column.id.desc())
            .limit(1)
        )
        return rows.to_session(row) if row else None

    def run(self, session_id: int, number: int) -> Run:
        """The run. Raises NotFoundError RUN_NOT_FOUND."""
        row = self._first(_SELECT_RUN, session_id=session_id, number=number)
        if row is None:
            raise NotFoundError(
                f"Session {session_id} has no run {number}.",
                code="RUN_NOT_FOUND",
                value=number,
                remedy="List the runs of the session to see which there are.",
            )
        return rows.to_run(row)

    def run_with_id(self, run_id: int) -> Run:
        """The run, whichever session it belongs to by now. Raises NotFoundError RUN_NOT_FOUND."""
        row = self._first(select(runs).where(runs.c.id == run_id))
        if row is None:
            raise NotFoundError(f"The store does not know run {run_id} any more.", code="RUN_NOT_FOUND", value=run_id)
        return rows.to_run(row)

    def runs(self, session_id: int, *, after: int = 0, limit: int | None = None) -> list[Run]:
        """The session's runs by number, from number `after` on (not included)."""
        statement = select(runs).where(runs.c.session_id == session_id, runs.c.number > after)
        found = self._all(statement.order_by(runs.c.number).limit(limit))
        return [rows.to_run(row) for row in found]

    def run_with_file(self, session_id: int, file: str) -> Run | None:
        """The first of the session's runs that has this file."""
        statement = select(runs).where(runs.c.session_id == session_id, runs.c.file_hash == digest(file))
        row = self._first(statement.order_by(runs.c.number).limit(1))
        return rows.to_run(row) if row else None

    def run_ended_last(self, session_id: int) -> Run | None:
        """The session's run that has the latest end."""
        row = self._first(_SELECT_ENDED_RUN, session_id=session_id)
        return rows.to_run(row) if row else None

    def runs_moved_away(self, session_id: int) -> list[Run]:
        """The runs that were recorded in this session and belong to another one now; their files may lie here."""
        statement = select(runs).where(runs.c.recorded_in == session_id, WAS_MOVED).order_by(runs.c.id)
        return [rows.to_run(row) for row in self._all(statement)]

    def live_runs(self, instrument: str) -> list[Run]:
        """The runs that have no verdict yet, oldest first."""
        found = self._all(_SELECT_LIVE, instrument=instrument)
        return [rows.to_run(row) for row in found]

    def last_run(self, instrument: str) -> Run | None:
        """The run that was begun or registered last; imported ones were not taken here."""
        row = self._first(_SELECT_LAST_RUN, instrument=instrument)
        return rows.to_run(row) if row else None

    def file(self, session_id: int, path: str) -> AddedFile | None:
        """The session's added file of this path."""
        row = self._first(select(files).where(files.c.session_id == session_id, files.c.path_hash == digest(path)))
        return rows.to_file(row) if row else None

    def files(self, session_id: int) -> list[AddedFile]:
        """The session's added files in the order they were added."""
        found = self._all(select(files).where(files.c.session_id == session_id).order_by(files.c.added, files.c.path))
        return [rows.to_file(row) for row in found]

    def require_no_data(self, path: Path, data_root: Path) -> None:
        """Raise ConflictError FILE_IS_DATA where `path` is or would be a session's: see `select_owners`."""
        with self._reading() as connection:
            for statement in select_owners(path, data_root):
                if (owner := connection.execute(statement).scalar()) is not None:
                    raise is_data(path, owner)

    def events(
        self, *, after: int = 0, limit: int = 1000, instrument: str | None = None, session_id: int | None = None
    ) -> list[Event]:
        """The events with a number above `after`, oldest first."""
        statement = _SELECT_EVENTS
        if instrument is not None:
            statement = statement.where(events.c.instrument == instrument)
        if session_id is not None:
            statement = statement.where(events.c.session_id == session_id)
        return [rows.to_event(row) for row in self._all(statement, after=after, number=limit)]

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest event: 0 and the genesis hash where there is none."""
        with self._reading() as connection:
            head = read_head(connection)
        return head.seq, head.hash

    def last_event(self, instrument: str) -> Event | None:
        """The instrument's newest event."""
        row = self._first(
            select(events).where(events.c.instrument == instrument).order_by(events.c.seq.desc()).limit(1)
        )
        return rows.to_event(row) if row else None

    def ingest(self, session_id: int) -> Ingest | None:
        """How far the session's ingest is; None where none was asked for."""
        row = self._first(select(ingests).where(ingests.c.session_id == session_id))
        return rows.to_ingest(row) if row else None

    def ingests(
        self,
        *,
        instrument: str | None = None,
        states: Collection[IngestState] = (),
        limit: int | None = None,
        before: int | None = None,
        code: str | None = None,
    ) -> list[Ingest]:
        """The ingests of an instrument (or all) in these states (or any), those of the newest sessions first.

        `before` leaves out that session and all newer ones, `code` all that wait for another reason.
        """
        statement = select(ingests).order_by(ingests.c.session_id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(ingests.c.session_id < before)
        if instrument is not None:
            statement = statement.where(ingests.c.instrument == instrument)
        if states:
            statement = statement.where(ingests.c.state.in_(sorted(set(states))))
        if code is not None:
            statement = statement.where(ingests.c.code == code)
        return [rows.to_ingest(row) for row in self._all(statement)]

    def parked_codes(self, instrument: str) -> dict[str, int]:
        """How many ingests are parked for each reason code."""
        column = ingests.c
        parked = (column.instrument == instrument, column.state == IngestState.PARKED)
        found = select(column.code, func.count().label("number")).where(*parked).group_by(column.code)
        return {row.code: row.number for row in self._all(found.order_by(column.code))}

    def oldest_ingest(self, instrument: str, states: Collection[IngestState]) -> Ingest | None:
        """The one in these states that is due since longest."""
        column = ingests.c
        found = select(ingests).where(column.instrument == instrument, column.state.in_(sorted(set(states))))
        row = self._first(found.order_by(func.coalesce(column.due, column.updated), column.session_id).limit(1))
        return rows.to_ingest(row) if row else None

    def count_archived(self, instrument: str, since: datetime) -> int:
        """How many ingests of the instrument were done since then."""
        column = ingests.c
        done = (column.instrument == instrument, column.state == IngestState.DONE, column.updated >= since)
        row = self._first(select(func.count().label("number")).where(*done))
        return row.number if row else 0

    def ingest_events(self, session_id: int, limit: int) -> list[Event]:
        """The session's newest events about its way to the catalogue, oldest first."""
        about = or_(events.c.kind.startswith("ingest_", autoescape=True), events.c.kind.in_(_ABOUT_INGEST))
        found = select(events).where(events.c.session_id == session_id, about).order_by(events.c.seq.desc())
        return [rows.to_event(row) for row in reversed(self._all(found.limit(limit)))]

    def catalogues(self, instrument: str) -> list[CatalogueStanding]:
        """The catalogues that the instrument's worker has told of."""
        found = select(catalogues).where(catalogues.c.instrument == instrument).order_by(catalogues.c.target)
        return [rows.to_catalogue(row) for row in self._all(found)]

    def ingest_counts(
        self, instrument: str, states: Collection[IngestState] = tuple(IngestState)
    ) -> dict[IngestState, int]:
        """How many ingests are in each of these states, zeros included; DONE takes longer as the archive grows."""
        found = self._all(
            select(ingests.c.state, func.count().label("number"))
            .where(ingests.c.instrument == instrument, ingests.c.state.in_(sorted(set(states))))
            .group_by(ingests.c.state)
        )
        return dict.fromkeys(states, 0) | {IngestState(row.state): row.number for row in found}

    def session_from(self, instrument: str, source: str) -> Session | None:
        """The session that came from `source`, so that nothing is imported twice."""
        statement = select(sessions).where(
            sessions.c.instrument == instrument,
            sessions.c.source_hash == digest(source),
            sessions.c.source_hash != "",
            sessions.c.state != SessionState.CANCELLED,
        )
        row = self._first(statement.order_by(sessions.c.id).limit(1))
        return rows.to_session(row) if row else None

    def job(self, job_id: int) -> Job:
        """The job. Raises NotFoundError JOB_NOT_FOUND."""
        row = self._first(select(jobs).where(jobs.c.id == job_id))
        if row is None:
            raise NotFoundError(
                f"There is no job {job_id}.",
                code="JOB_NOT_FOUND",
                value=job_id,
                remedy="List the jobs to see which there are.",
            )
        return rows.to_job(row)

    def jobs(
        self,
        instrument: str,
        *,
        states: Collection[JobState] = (),
        session_id: int | None = None,
        kind: JobKind | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> list[Job]:
        """Jobs in these states (or any), newest first; those older than the job `before`."""
        statement = select(jobs).where(jobs.c.instrument == instrument)
        if before is not None:
            statement = statement.where(jobs.c.id < before)
        if states:
            statement = statement.where(jobs.c.state.in_(sorted(set(states))))
        if session_id is not None:
            statement = statement.where(jobs.c.session_id == session_id)
        if kind is not None:
            statement = statement.where(jobs.c.kind == kind)
        return [rows.to_job(row) for row in self._all(statement.order_by(jobs.c.id.desc()).limit(limit))]

    def unseen_failures(self, instrument: str, kind: JobKind) -> list[Job]:
        """The failed jobs of a kind that nobody has acknowledged, newest first."""
        statement = select(jobs).where(jobs.c.instrument == instrument, jobs.c.kind == kind, IS_UNSEEN_FAILURE)
        return [rows.to_job(row) for row in self._all(statement.order_by(jobs.c.id.desc()))]

    def reply(self, instrument: str, request_id: str) -> Reply | None:
        """What was answered to this request before; kept for 7 days."""
        row = self._first(select(replies).where(replies.c.instrument == instrument, replies.c.request_id == request_id))
        return rows.to_reply(row) if row else None

    def refusals(self, *, instrument: str, limit: int = 100) -> list[Refusal]:
        """The newest refused commands, newest first."""
        found = self._all(
            select(refusals).where(refusals.c.instrument == instrument).order_by(refusals.c.id.desc()).limit(limit)
        )
        return [rows.to_refusal(row) for row in found]

    def _first(self, statement: Executable, **values: Any) -> Row[Any] | None:
        with self._reading() as connection:
            return connection.execute(statement, values).first()

    def _all(self, statement: Executable, **values: Any) -> Sequence[Row[Any]]:
        with self._reading() as connection:
            return connection.execute(statement, values).all()

    def _number(self, statement: Executable, **values: Any) -> int:
        with self._reading() as connection:
            return connection.execute(statement, values).scalar_one()
