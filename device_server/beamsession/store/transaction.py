"""One change of the store with its events: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import delete, insert, update

from beamsession.model.catalogue_standing import CatalogueStanding
from beamsession.model.errors import ConflictError
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.states import SessionState
from beamsession.store.changes import SessionChanges, check_session_changes
from beamsession.store.columns import digest
from beamsession.store.job_writes import JobWrites
from beamsession.store.query import search_text
from beamsession.store.rows import from_ingest
from beamsession.store.run_writes import RunWrites
from beamsession.store.tables import catalogues, files, ingests, sessions


class Transaction(RunWrites, JobWrites):
    """Changes of sessions, their files and ingests; of runs and jobs in the classes it builds on."""

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
        stop: datetime | None = None,
        state: SessionState = SessionState.STARTED,
        source: str = "",
        dataset_pid: str = "",
    ) -> Session:
        """A session with the next id, above every id given before and above `floor`.

        `folder` makes the folder's name of id and start. Raises ConflictError for an open one where the instrument has
        one.
        """
        present = self.open_session(self._instrument) if state.is_open else None
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
                "search": search_text(name, title),
                "state": state,
                "user": user,
                "proposal": proposal,
                "folder": folder(session_id, begun),
                "start": begun,
                "stop": stop,
                "metadata": metadata,
                "metadata_edited": False,
                "version": 1,
                "dataset_pid": dataset_pid,
                "source": source,
                "source_hash": digest(source),
                "run_count": 0,
                "last_run_number": 0,
            },
        )
        self._head = replace(self._head, last_session_id=session_id)
        return self.session(session_id)

    def change_session(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """The session with these changes. Raises ConflictError if it is not as `session` says any more."""
        check_session_changes(changes)
        values: dict[str, Any] = dict(changes)
        if "title" in changes:
            values["search"] = search_text(session.name, changes["title"])
        self._change_if_same(sessions, session, values, f"Session {session.id}")
        return self.session(session.id)

    def add_file(self, file: AddedFile) -> bool:
        """Note the file; False if the session had this path already (then nothing changes).

        Raises NotFoundError where there is no such session.
        """
        self.session(file.session_id)
        if self.file(file.session_id, file.path) is not None:
            return False
        self._change(
            insert(files),
            {
                "session_id": file.session_id,
                "path_hash": digest(file.path),
                "path": file.path,
                "added": file.added,
                "size": file.size,
                "modified": file.modified,
                "is_folder": file.is_folder,
            },
        )
        return True

    def remove_file(self, session_id: int, path: str) -> bool:
        """Take a file off the session; False if it was not there."""
        taken = delete(files).where(files.c.session_id == session_id, files.c.path_hash == digest(path))
        return self._change(taken, {}) > 0

    def set_ingest(self, ingest: Ingest) -> None:
        """Note how far the session's ingest is. Raises NotFoundError where there is no such session."""
        values: dict[str, Any] = {
            **from_ingest(ingest),
            "instrument": self.session(ingest.session_id).instrument,
        }
        if self.ingest(ingest.session_id) is None:
            self._change(insert(ingests), values)
        else:
            del values["session_id"]
            self._change(update(ingests).where(ingests.c.session_id == ingest.session_id), values)

    def set_catalogue(self, instrument: str, standing: CatalogueStanding) -> None:
        """Note whether the catalogue can be reached."""
        key = {"instrument": instrument, "target": standing.target}
        values = {"state": standing.state, "since": standing.since, "reason": standing.reason}
        row = (catalogues.c.instrument == instrument) & (catalogues.c.target == standing.target)
        if self._change(update(catalogues).where(row), values) == 0:
            self._change(insert(catalogues), {**key, **values})
