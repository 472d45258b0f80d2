"""A session folder of this program, of another beamline or copied from it, as a session to import."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beamsession.archive.foreign_session import ForeignRun, ForeignSession, unreadable
from beamsession.archive.lost_records import count_complaint, with_lost
from beamsession.archive.retelling import Retelling
from beamsession.archive.session_folder import SessionFolder, SessionRecord
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.model.states import RunState, SessionState

_FINAL = (SessionState.COMPLETED, SessionState.ARCHIVED, SessionState.CANCELLED)


class _Files(BaseModel):
    """What a stored report says of files; the rest is handed on as it is, whichever version wrote it."""

    model_config = ConfigDict(strict=True)
    master: str | None = None
    files: list[str] = Field(default_factory=list)


def read_session(folder: Path) -> ForeignSession:
    """The session in `folder`. Raises InvalidInputError BAD_SESSION_FILE and RefusedError FOLDER_UNREADABLE."""
    complaints: list[str] = []
    try:
        record = _record(SessionFolder(folder, FileRules()), complaints)
    except OSError as fault:
        raise unreadable(Path(str(fault.filename or folder)), fault) from fault
    remarks = [f"It is not complete: {complaint}." for complaint in complaints]
    session = record.session
    if session.state not in _FINAL:
        remarks.append(f"It was {session.state.value} when it was read.")
    runs = [_run(run, session, folder, remarks) for run in record.runs]
    return ForeignSession(
        source=f"beamsession:{session.instrument}:{session.id}",
        id=session.id,
        name=session.name,
        state=session.state if session.state in _FINAL else SessionState.COMPLETED,
        root=folder,
        user=session.user,
        title=session.title,
        proposal=session.proposal,
        start=session.start,
        stop=session.stop,
        dataset_pid=session.dataset_pid,
        runs=tuple(runs),
        files=tuple(_placed(file.path, session, folder) for file in record.files),
        metadata=session.metadata,
        remarks=tuple(remarks),
    )


def _record(folder: SessionFolder, complaints: list[str]) -> SessionRecord:
    """What the folder says, and what only its events tell of runs and files. Raises what `SessionFolder.read` does."""
    recorded = folder.read(complaints.append)
    told = _told(folder, recorded.session.id, complaints)
    record, lost = with_lost(recorded, told) if told else (recorded, [])
    missing = count_complaint(recorded.session.run_count, len(recorded.runs), record, told)
    complaints += [*lost, *([missing] if missing else [])]
    return record


def _told(folder: SessionFolder, session_id: int, complaints: list[str]) -> SessionRecord | None:
    """The session by its events alone; they come from elsewhere, and need not say what ours would."""
    retelling = Retelling({})
    try:
        retelling.tell(folder.events(complaints.append))
        return retelling.records().get(session_id)
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        complaints.append(f"its events cannot be understood ({type(fault).__name__}: {fault})")
        return None


def _run(run: Run, session: Session, folder: Path, remarks: list[str]) -> ForeignRun:
    ended = run.state.is_verdict
    return ForeignRun(
        data=run.file,
        path=_placed(run.file, session, folder) if run.file else None,
        state=run.state if ended else RunState.ABORTED,
        start=run.start,
        stop=run.stop,
        reason=run.reason if ended else f"It was {run.state.value} when it was read.",
        enabled=run.enabled,
        title=run.title,
        frames=run.frames,
        detectors=run.detectors,
        metadata=run.metadata,
        report=_report(run, session, folder, remarks),
    )


def _report(run: Run, session: Session, folder: Path, remarks: list[str]) -> dict[str, Any]:
    """The recorder's report as it is stored, with its files where they are now."""
    try:
        named = _Files.model_validate(run.report)
    except ValidationError:
        remarks.append(f"The recorder's report of run {run.number} cannot be understood and is left out.")
        return {}
    now: dict[str, Any] = {}
    if named.master:
        now["master"] = str(_placed(named.master, session, folder))
    if named.files:
        now["files"] = [str(_placed(path, session, folder)) for path in named.files]
    return run.report | now


def _placed(path: str, session: Session, folder: Path) -> Path:
    """Where the file is now: what lay in the session's folder lies in `folder`, wherever that was copied to."""
    parts, home = PurePosixPath(path).parts, PurePosixPath(session.folder).parts
    for start in range(len(parts) - len(home), 0, -1) if home else ():
        if parts[start : start + len(home)] == home:
            return folder.joinpath(*parts[start + len(home) :])
    return Path(path)
