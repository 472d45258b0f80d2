"""The job that takes over sessions from the folders of other programs and other beamlines."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beamsession.archive.foreign import find_sessions, read_session
from beamsession.archive.foreign_session import ForeignRun, ForeignSession
from beamsession.model.adopted import AdoptedFile, AdoptedRun, AdoptedSession
from beamsession.model.errors import BeamsessionError, InvalidInputError, UnavailableError
from beamsession.model.job import Job
from beamsession.model.states import SessionState
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.servers.worker.reports import Report

log = logging.getLogger(__name__)
_MAX_REQUEST_ID = 200
_PATIENCE_S = 0.5
_LONGEST_PAUSE_S = 10.0

Adopt = Callable[[Report, str], Any]
"""Has the manager take a session over, by the verb that the report names; once for a request id."""


@dataclass
class _Tally:
    """What became of each session, in the form of the job's result."""

    imported: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    skipped: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    failed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def sentence(self) -> str:
        return f"{len(self.imported)} sessions imported, {len(self.skipped)} skipped, {len(self.failed)} failed."


class ImportWork:
    """Argument `path`: the folder of a session, or one that holds many. A bad session never stops the others."""

    def __init__(self, adopt: Adopt) -> None:
        self._adopt = adopt

    def check(self, job: Job) -> None:
        """Raises NotFoundError NO_SESSION_FOLDER, RefusedError FOLDER_UNREADABLE."""
        find_sessions(Path(job.arguments["path"]))

    def do(self, job: Job, watch: JobWatch) -> Done:
        """Those taken over before this try count as imported by this job."""
        folders = find_sessions(Path(job.arguments["path"]))
        tally = _Tally()
        for number, folder in enumerate(folders):
            watch.checkpoint()
            watch.progress(number / len(folders), tally.sentence)
            self._take_over(folder, job, watch, tally)
        is_success = not tally.failed or bool(tally.imported or tally.skipped)
        return Done(tally.sentence, vars(tally), is_success=is_success)

    def _take_over(self, folder: Path, job: Job, watch: JobWatch, tally: _Tally) -> None:
        source = str(folder)
        try:
            found = read_session(folder)
            source = found.source
            if found.state is SessionState.CANCELLED:
                tally.skipped.append({"source": source, "reason": "It was cancelled there."})
                return
            session_id = self._told(_record(found, folder), f"job-{job.id}:{source}", watch)
        except (BeamsessionError, OSError) as fault:
            reason = fault.text if isinstance(fault, BeamsessionError) else str(fault)
            log.warning("%s is not imported: %s", folder, reason)
            tally.failed.append({"source": source, "reason": reason})
            return
        if session_id is None:
            tally.skipped.append({"source": source, "reason": "It was imported before."})
        else:
            tally.imported.append({"session": session_id, "source": source})

    def _told(self, record: AdoptedSession, request_id: str, watch: JobWatch) -> int | None:
        """The id that the manager gives it, asked for until there is an answer."""
        if len(request_id) > _MAX_REQUEST_ID:
            request_id = hashlib.sha256(request_id.encode(errors="surrogatepass")).hexdigest()
        report = Report("import", "session_adopt", {"record": record.model_dump(mode="json")})
        pause = _PATIENCE_S
        while True:
            try:
                return self._adopt(report, request_id)
            except UnavailableError as fault:
                log.warning("the manager does not take %s over yet: %s", record.source, fault.text)
            until = time.monotonic() + pause
            while time.monotonic() < until:
                watch.checkpoint()
                time.sleep(_PATIENCE_S / 5)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _record(found: ForeignSession, folder: Path) -> AdoptedSession:
    """The session in the form in which it is taken over. Raises InvalidInputError BAD_SESSION_FOLDER."""
    times = [time for run in found.runs for time in (run.start, run.stop) if time is not None]
    start = found.start or min(times, default=_modified(folder))
    stop = max(found.stop or max(times, default=start), start)
    facts = {"id": found.id, "format": found.format, "layout": found.layout, "mode": found.mode}
    facts |= {"root": str(found.root or ""), "ingested": found.ingested, "remarks": list(found.remarks)}
    try:
        return AdoptedSession(
            source=found.source,
            name=found.name,
            title=found.title,
            user=found.user,
            proposal=found.proposal,
            start=start,
            stop=stop,
            metadata=found.metadata,
            dataset_pid=found.dataset_pid,
            runs=tuple(_run(run, folder, start) for run in found.runs),
            files=tuple(_file(folder / path) for path in found.files),
            facts={key: value for key, value in facts.items() if value},
        )
    except ValidationError as fault:
        raise InvalidInputError(
            f"{folder} holds a session that cannot be taken over: {fault.errors()[0]['msg']}.",
            code="BAD_SESSION_FOLDER",
            value=str(folder),
            remedy="Correct its record; the other sessions are imported without it.",
        ) from fault


def _run(run: ForeignRun, folder: Path, start: datetime) -> AdoptedRun:
    return AdoptedRun.model_validate(
        {
            "file": folder / run.path,  # relative only where nothing says what it counts from
            "start": run.start or run.stop or start,
            "stop": run.stop,
            "state": run.state.value,
            "reason": run.reason,
            "title": run.title,
            "enabled": run.enabled,
            "metadata": run.metadata,
        }
    )


def _file(path: Path) -> AdoptedFile:
    try:
        facts = path.stat()
    except OSError:
        return AdoptedFile(path=path)
    modified = datetime.fromtimestamp(facts.st_mtime, tz=UTC)
    is_folder = path.is_dir()
    return AdoptedFile(path=path, size=0 if is_folder else facts.st_size, modified=modified, is_folder=is_folder)


def _modified(folder: Path) -> datetime:
    return datetime.fromtimestamp(folder.stat().st_mtime, tz=UTC)
