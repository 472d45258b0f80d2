"""A session folder of this program, of another beamline or copied from it, as a session to import."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from beamsession.archive.foreign_session import ForeignRun, ForeignSession, unreadable
from beamsession.archive.session_folder import SessionFolder
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.model.states import RunState, SessionState

_FINAL = (SessionState.COMPLETED, SessionState.ARCHIVED, SessionState.CANCELLED)


def read_session(folder: Path) -> ForeignSession:
    """The session in `folder`. Raises InvalidInputError BAD_SESSION_FILE and RefusedError FOLDER_UNREADABLE."""
    remarks: list[str] = []

    def damaged(sentence: str) -> None:
        remarks.append(f"It is not complete: {sentence}.")

    try:
        record = SessionFolder(folder, FileRules()).read(damaged)
    except OSError as fault:
        raise unreadable(Path(str(fault.filename or folder)), fault) from fault
    session = record.session
    if session.state not in _FINAL:
        remarks.append(f"It was {session.state.value} when it was read.")
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
        runs=tuple(_run(run, session, folder) for run in record.runs),
        files=tuple(_placed(file.path, session, folder) for file in record.files),
        metadata=session.metadata,
        remarks=tuple(remarks),
    )


def _run(run: Run, session: Session, folder: Path) -> ForeignRun:
    ended = run.state.is_verdict
    return ForeignRun(
        data=run.file,
        path=_placed(run.file, session, folder),
        state=run.state if ended else RunState.ABORTED,
        start=run.start,
        stop=run.stop,
        reason=run.reason if ended else f"It was {run.state.value} when it was read.",
        enabled=run.enabled,
        title=run.title,
        frames=run.frames,
        detectors=run.detectors,
        metadata=run.metadata,
    )


def _placed(path: str, session: Session, folder: Path) -> Path:
    """Where the file is now: what lay in the session's folder lies in `folder`, wherever that was copied to."""
    parts, home = PurePosixPath(path).parts, PurePosixPath(session.folder).parts
    for start in range(len(parts) - len(home), 0, -1):
        if parts[start : start + len(home)] == home:
            return folder.joinpath(*parts[start + len(home) :])
    return Path(path)
