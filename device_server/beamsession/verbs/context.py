"""What a verb works with: the caller, the instrument, the store, the recorder; and the change it makes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from beamsession.model.clock import Clock, utc_now
from beamsession.model.errors import NotFoundError
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.model.permissions import Action, permit
from beamsession.model.plain import plain
from beamsession.model.ports import RecorderPort
from beamsession.model.principal import Caller
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.situation import Command, Situation, require, situation
from beamsession.model.states import RunState, SessionState

if TYPE_CHECKING:  # whoever only asks what verbs there are need not load a database's library
    from beamsession.store import Reads, Store, Transaction

_T = TypeVar("_T")


@dataclass(frozen=True)
class Request:
    """The request a change answers, for the memory that makes retries harmless."""

    verb: str
    arguments_hash: str


@dataclass(frozen=True)
class Context:
    """Everything a verb may use; one per call."""

    caller: Caller
    action: Action
    instrument: Instrument
    store: Store
    recorder: RecorderPort
    request: Request
    id_floor: int
    clock: Clock = utc_now

    @contextmanager
    def change(self) -> Generator[Change]:
        """One transaction with its events; committed at the end of the block, undone by any exception."""
        with self.store.transaction(self.caller, self.instrument.name, clock=self.clock) as tx:
            change = Change(self, tx)
            yield change
            change.remember()

    def standing(self) -> Standing:
        """Where session and run stand now, without a transaction."""
        return Standing(self.store, self.instrument.name)

    def permit(self, session: Session) -> Session:
        """`session` itself if the caller may do this verb's action to it."""
        permit(self.caller.principal, self.action, session, operator=self.instrument.operator)
        return session

    def session(self, session_id: int) -> Session:
        """The session `session_id` of this instrument, or the present one for 0; NotFoundError SESSION_NOT_FOUND."""
        found = self._present() if session_id == 0 else self.store.session(session_id)
        if found.instrument != self.instrument.name:
            raise NotFoundError(
                f"Session {session_id} was not taken on {self.instrument.name}.",
                code="SESSION_NOT_FOUND",
                value=session_id,
                remedy="List this instrument's sessions with ListSessions.",
            )
        return self.permit(found)

    def job(self, job_id: int) -> Job:
        """The job of this instrument; NotFoundError JOB_NOT_FOUND."""
        found = self.store.job(job_id)
        if found.instrument != self.instrument.name:
            raise NotFoundError(
                f"Job {job_id} was not asked for on {self.instrument.name}.",
                code="JOB_NOT_FOUND",
                value=job_id,
                remedy="List this instrument's jobs with ListJobs.",
            )
        return found

    def _present(self) -> Session:
        found = self.store.open_session(self.instrument.name)
        if found is None:
            raise NotFoundError(
                "No session is open.", code="SESSION_NOT_FOUND", value=0, remedy="Give the id of a session."
            )
        return found


class Standing:
    """Where session and run of an instrument stand, seen through a store or an open transaction."""

    def __init__(self, reader: Reads, instrument: str) -> None:
        live = reader.live_runs(instrument)
        self.session: Session | None = reader.open_session(instrument)
        self.completing: list[Session] = [] if self.session else reader.completing_sessions(instrument)
        self.run: Run | None = live[-1] if live else None

    @property
    def situation(self) -> Situation:
        """The row of the table that decides what is allowed."""
        if self.session is None:
            state = SessionState.COMPLETING if self.completing else SessionState.NONE
        else:
            state = self.session.state
        return situation(state, self.run.state if self.run else RunState.NONE)

    @property
    def own_run(self) -> Run | None:
        """The live run if it is the open session's: that of the session before may still drain, or be lost."""
        if self.session is None or self.run is None or self.run.session_id != self.session.id:
            return None
        return self.run

    def open_session(self, command: Command) -> Session:
        """The open session for a command that needs one, if the command is allowed now; WrongStateError."""
        require(command, self.situation)
        assert self.session is not None, "the table allows this command with an open session only"
        return self.session

    def live_run(self, command: Command) -> Run:
        """The live run for a command that needs one, if the command is allowed now; WrongStateError."""
        require(command, self.situation)
        assert self.run is not None, "the table allows this command with a live run only"
        return self.run


def shown_run(reader: Reads, instrument: str) -> Run | None:
    """The live run, else the one that ended last: a file registered while one was recorded does not hide it."""
    last = reader.last_run(instrument)
    if last is None or last.origin is RunOrigin.RECORDED:
        return last
    if live := reader.live_runs(instrument):
        return live[-1]
    return reader.run_ended_last(last.session_id) or last


class Change(Standing):
    """A transaction in the making: what stands now, and the reply to remember."""

    def __init__(self, ctx: Context, tx: Transaction) -> None:
        super().__init__(tx, ctx.instrument.name)
        self.tx = tx
        self._ctx = ctx
        self._reply: object = None

    def reply(self, value: _T) -> _T:
        """`value`, remembered as the answer to this request."""
        self._reply = plain(value)
        return value

    def remember(self) -> None:
        """Store the reply with the change, if the caller gave a request id."""
        if self._ctx.caller.request_id:
            request = self._ctx.request
            self.tx.remember(self._ctx.caller.request_id, request.verb, request.arguments_hash, self._reply)
