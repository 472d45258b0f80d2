"""One change of the store with its events: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Unpack

from sqlalchemy import Connection, Executable, Table, bindparam, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from beamsession.model.errors import ConflictError
from beamsession.model.event import Event
from beamsession.model.principal import Caller
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import RunIntent, RunState, SessionState
from beamsession.store import replies
from beamsession.store.chain import linked, read_head, write_head
from beamsession.store.changes import RunChanges, SessionChanges, check_run_changes, check_session_changes
from beamsession.store.failures import translated
from beamsession.store.query import folded
from beamsession.store.reads import Reads
from beamsession.store.replies import Reply
from beamsession.store.tables import events, files, ingests, runs, sessions

# Made once: building a statement takes longer than executing it.
_UPDATE_IF_SAME = {
    table: update(table).where(
        table.c.id == bindparam("old_id"),
        table.c.version == bindparam("old_version"),
        table.c.state == bindparam("old_state"),
    )
    for table in (sessions, runs)
}


class Transaction(Reads):
    """The right to write, held until the transaction ends; its reads see its own changes.

    `now` is its one moment. Keep it short: nobody else writes meanwhile, and no second one may be begun inside it.
    """

    def __init__(self, connection: Connection, caller: Caller, instrument: str, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._caller = caller
        self._instrument = instrument
        self._head = self._head_found = read_head(connection, lock=True)
        self._has_changes = False
        self._has_failed = False
        self.now = clock()

    def new_session(
        self,
        *,
        name: str,
        title: str,
        user: str,
        proposal: str,
        folder: Callable[[int, datetime], str],
        metadata: dict[str, Any],
        floor: int = 0,
        start: datetime | None = None,
    ) -> Session:
        """A STARTED session with the next id, above every id given before and above `floor`.

        `folder` makes the folder's name of id and start. Raises ConflictError where the instrument has one open.
        """
        present = self.open_session(self._instrument)
        if present is not None:
            raise ConflictError(
                f"Session {present.id} of {self._instrument} is still open.",
                value=present.id,
                remedy="Complete or cancel it first.",
            )
        session_id = max(self._head.last_session_id, floor) + 1
        begun = start or self.now
        self._change(
            insert(sessions),
            {
                "id": session_id,
                "instrument": self._instrument,
                "name": name,
                "title": title,
                "search": _search_text(name, title),
                "state": SessionState.STARTED,
                "user": user,
                "proposal": proposal,
                "folder": folder(session_id, begun),
                "start": begun,
                "metadata": metadata,
                "metadata_edited": False,
                "version": 1,
                "dataset_pid": "",
            },
        )
        self._head = replace(self._head, last_session_id=session_id)
        return self.session(session_id)

    def change_session(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """The session with these changes. Raises ConflictError if it is not as `session` says any more."""
        check_session_changes(changes)
        values: dict[str, Any] = dict(changes)
        if "title" in changes:
            values["search"] = _search_text(session.name, changes["title"])
        self._change_if_same(sessions, session, values, f"Session {session.id}")
        return self.session(session.id)

    def new_run(
        self,
        session: Session,
        *,
        origin: RunOrigin,
        state: RunState,
        intent: RunIntent,
        title: str,
        frames: int | None,
        detectors: tuple[str, ...],
        metadata: dict[str, Any],
        recorder: str,
        file: str = "",
        start: datetime | None = None,
    ) -> Run:
        """A run with the session's next number."""
        run_id = self._head.last_run_id + 1
        highest = select(func.coalesce(func.max(runs.c.number), 0)).where(runs.c.session_id == session.id)
        number = self._number(highest) + 1
        self._change(
            insert(runs),
            {
                "id": run_id,
                "session_id": session.id,
                "instrument": session.instrument,
                "number": number,
                "state": state,
                "intent": intent,
                "origin": origin,
                "start": start or self.now,
                "title": title,
                "file": file,
                "frames": frames,
                "detectors": detectors,
                "metadata": metadata,
                "report": {},
                "reason": "",
                "recorder": recorder,
                "acknowledged": False,
                "version": 1,
            },
        )
        self._head = replace(self._head, last_run_id=run_id)
        return self.run(session.id, number)

    def change_run(self, run: Run, **changes: Unpack[RunChanges]) -> Run:
        """The run with these changes. Raises ConflictError if it is not as `run` says any more."""
        check_run_changes(changes)
        self._change_if_same(runs, run, dict(changes), f"Run {run.number} of session {run.session_id}")
        return self.run(run.session_id, run.number)

    def add_file(self, file: AddedFile) -> bool:
        """Note the file; False if the session had this path already (then nothing changes).

        Raises NotFoundError where there is no such session.
        """
        self.session(file.session_id)
        digest = sha256(file.path.encode(errors="surrogatepass")).hexdigest()
        known = select(func.count()).where(files.c.session_id == file.session_id, files.c.path_hash == digest)
        if self._number(known):
            return False
        self._change(
            insert(files),
            {
                "session_id": file.session_id,
                "path_hash": digest,
                "path": file.path,
                "added": file.added,
                "size": file.size,
                "modified": file.modified,
                "is_folder": file.is_folder,
            },
        )
        return True

    def set_ingest(self, ingest: Ingest) -> None:
        """Note how far the session's ingest is. Raises NotFoundError where there is no such session."""
        values: dict[str, Any] = {
            "instrument": self.session(ingest.session_id).instrument,
            "state": ingest.state,
            "updated": ingest.updated,
            "pid": ingest.pid,
            "step": ingest.step,
            "detail": ingest.detail,
            "attempts": ingest.attempts,
        }
        if self.ingest(ingest.session_id) is None:
            self._change(insert(ingests), {"session_id": ingest.session_id, **values})
        else:
            self._change(update(ingests).where(ingests.c.session_id == ingest.session_id), values)

    def event(
        self, kind: str, *, session_id: int | None = None, run_number: int | None = None, **payload: Any
    ) -> Event:
        """Chain an event to the log; the payload must be JSON values."""
        principal = self._caller.principal
        link = linked(
            Event(
                seq=0,
                time=self.now,
                instrument=self._instrument,
                kind=kind,
                principal=principal.name,
                role=principal.role.value,
                face=self._caller.face,
                session_id=session_id,
                run_number=run_number,
                payload=payload,
            ),
            self._head,
        )
        self._execute(
            insert(events),
            {
                "seq": link.seq,
                "time": link.time,
                "instrument": link.instrument,
                "kind": link.kind,
                "principal": link.principal,
                "role": link.role,
                "face": link.face,
                "session_id": link.session_id,
                "run_number": link.run_number,
                "payload": link.payload,
                "previous": link.previous,
                "hash": link.hash,
            },
        )
        self._head = replace(self._head, seq=link.seq, hash=link.hash)
        return link

    def remember(self, request_id: str, verb: str, arguments_hash: str, value: Any) -> None:
        """Keep the reply to this request, so that asking again finds it.

        Raises ConflictError if there is one already, InvalidInputError BAD_REQUEST_ID.
        """
        reply = Reply(verb=verb, arguments_hash=arguments_hash, value=value, time=self.now)
        with self._reading() as connection:
            replies.remember(connection, self._instrument, request_id, reply)

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest event, this transaction's own included."""
        return self._head.seq, self._head.hash

    def finish(self) -> None:
        """Write the chain's head before the commit. Raises RuntimeError for a change without an event."""
        if self._has_failed:
            raise RuntimeError("the database refused a statement of this transaction: it cannot be committed")
        if self._has_changes and self._head.seq == self._head_found.seq:
            raise RuntimeError("a change of the store needs an event")
        if self._head != self._head_found:
            with translated():
                write_head(self._connection, self._head)

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        try:
            with translated():
                yield self._connection
        except Exception as fault:
            # PostgreSQL would turn the commit of a transaction in which a statement failed into a silent rollback.
            self._has_failed = self._has_failed or isinstance(fault.__cause__ or fault, SQLAlchemyError)
            raise

    def _execute(self, statement: Executable, values: dict[str, Any]) -> int:
        with self._reading() as connection:
            return connection.execute(statement, values).rowcount

    def _change(self, statement: Executable, values: dict[str, Any]) -> int:
        self._has_changes = True
        return self._execute(statement, values)

    def _change_if_same(self, table: Table, old: Session | Run, values: dict[str, Any], what: str) -> None:
        same = {"old_id": old.id, "old_version": old.version, "old_state": old.state}
        changed = self._change(_UPDATE_IF_SAME[table], {"version": old.version + 1, **values, **same})
        if not changed:
            raise ConflictError(
                f"{what} was changed by somebody else meanwhile.",
                code="CONFLICT",
                value={"version": old.version, "state": old.state.value},
                remedy="Look at its present state and ask again.",
            )


def _search_text(name: str, title: str) -> str:
    return folded(f"{name}\n{title}")
