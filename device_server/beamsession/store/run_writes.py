"""Changes of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import bindparam, insert, update

from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import RunIntent, RunState
from beamsession.store.changes import RunChanges, check_run_changes
from beamsession.store.columns import digest
from beamsession.store.tables import runs, sessions
from beamsession.store.writing import Writing

_ONE_MORE = (
    update(sessions)
    .where(sessions.c.id == bindparam("of"))
    .values(run_count=sessions.c.run_count + 1, last_run_number=bindparam("number"))
)
_ONE_LESS = update(sessions).where(sessions.c.id == bindparam("of")).values(run_count=sessions.c.run_count - 1)


class RunWrites(Writing):
    """What may be written about runs; a session's count and highest number go along."""

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
        stop: datetime | None = None,
        report: dict[str, Any] | None = None,
        reason: str = "",
        enabled: bool = True,
    ) -> Run:
        """A run with the session's next number: one that no run of this session ever had."""
        run_id = self._head.last_run_id + 1
        number = self.session(session.id).last_run_number + 1
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
                "stop": stop,
                "title": title,
                "file": file,
                "file_hash": digest(file),
                "frames": frames,
                "detectors": detectors,
                "metadata": metadata,
                "report": report or {},
                "reason": reason,
                "recorder": recorder,
                "acknowledged": False,
                "enabled": enabled,
                "recorded_in": session.id,
                "recorded_as": number,
                "version": 1,
            },
        )
        self._change(_ONE_MORE, {"of": session.id, "number": number})
        self._head = replace(self._head, last_run_id=run_id)
        return self.run(session.id, number)

    def change_run(self, run: Run, **changes: Unpack[RunChanges]) -> Run:
        """The run with these changes. Raises ConflictError if it is not as `run` says any more."""
        check_run_changes(changes)
        values: dict[str, Any] = dict(changes)
        if "file" in changes:
            values["file_hash"] = digest(changes["file"])
        self._change_if_same(runs, run, values, f"Run {run.number} of session {run.session_id}")
        return self.run(run.session_id, run.number)

    def move_run(self, run: Run, to: Session) -> Run:
        """The run with the next number of another session. Raises ConflictError as `change_run` does."""
        number = self.session(to.id).last_run_number + 1
        values = {"session_id": to.id, "number": number}
        self._change_if_same(runs, run, values, f"Run {run.number} of session {run.session_id}")
        self._change(_ONE_LESS, {"of": run.session_id})
        self._change(_ONE_MORE, {"of": to.id, "number": number})
        return self.run(to.id, number)
