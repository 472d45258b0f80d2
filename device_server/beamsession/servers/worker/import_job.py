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
from beamsession.archive.inside_roots import inside_roots
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
_OF_FILES = "files"  # PShell's mode in which a session's data are its added files, and its runs are in no list of files

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
        """The counts, and why the first one that failed did."""
        counts = f"{len(self.imported)} sessions imported, {len(self.skipped)} skipped, {len(self.failed)} failed"
        if not self.failed:
            return f"{counts}."
        others = f" ({len(self.failed) - 1} more failed.)" if len(self.failed) > 1 else ""
        return f"{counts}: {self.failed[0]['reason']}{others}"


class ImportWork:
    """Argument `path`: the folder of a session, or one that holds many. A bad session never stops the others.

    What a session's record names is taken over only from inside `roots`.
    """

    def __init__(self, adopt: Adopt, roots: tuple[Path, ...]) -> None:
        self._adopt = adopt
        self._roots = roots

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
            record = _record(found, _Places(folder, self._roots))
            # Not by the source: a session may be here in two copies, and the second is another request.
            session_id = self._told(record, f"job-{job.id}:{folder}", watch)
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


@dataclass(frozen=True)
class _Places:
    """The session's folder, which paths count from where nothing else is said, and the roots that files may lie in."""

    folder: Path
    roots: tuple[Path, ...]

    def path(self, path: Path | str) -> Path:
        """Where it really is. Raises InvalidInputError (OUTSIDE_ROOTS, BAD_PATH)."""
        return inside_roots(self.folder / path, self.roots)


def _record(found: ForeignSession, places: _Places) -> AdoptedSession:
    """The session in the form in which it is taken over.

    Raises InvalidInputError BAD_SESSION_FOLDER, and OUTSIDE_ROOTS or BAD_PATH for a file that cannot be taken over.
    """
    folder = places.folder
    times = [time for run in found.runs for time in (run.start, run.stop) if time is not None]
    start = found.start or min(times, default=_modified(folder))
    stop = max(found.stop or max(times, default=start), start)
    facts = {"id": found.id, "format": found.format, "layout": found.layout, "mode": found.mode}
    facts |= {"root": str(found.root or ""), "ingested": found.ingested}
    is_of_files = found.mode.lower() == _OF_FILES
    remarks = ["Its runs are disabled: they were in no list of files."] if is_of_files and found.runs else []
    facts["remarks"] = [*found.remarks, *remarks]
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
            runs=tuple(_run(run, places, start, enabled=run.enabled and not is_of_files) for run in found.runs),
            files=tuple(_file(places.path(path)) for path in found.files),
            facts={key: value for key, value in facts.items() if value},
        )
    except ValidationError as fault:
        raise InvalidInputError(
            f"{folder} holds a session that cannot be taken over: {fault.errors()[0]['msg']}.",
            code="BAD_SESSION_FOLDER",
            value=str(folder),
            remedy="Correct its record; the other sessions are imported without it.",
        ) from fault


def _run(run: ForeignRun, places: _Places, start: datetime, *, enabled: bool) -> AdoptedRun:
    return AdoptedRun.model_validate(
        {
            "file": None if run.path is None else places.path(run.path),
            "start": run.start or run.stop or start,
            "stop": run.stop,
            "state": run.state.value,
            "reason": run.reason,
            "title": run.title,
            "enabled": enabled,
            "frames": run.frames,
            "detectors": run.detectors,
            "metadata": run.metadata,
            "report": _report(run.report, places),
        }
    )


def _report(report: dict[str, Any], places: _Places) -> dict[str, Any]:
    """The same with the paths as they really are: they go where the run's own file goes."""
    now: dict[str, Any] = {}
    if master := report.get("master"):
        now["master"] = str(places.path(master))
    if files := report.get("files"):
        now["files"] = [str(places.path(path)) for path in files]
    return report | now


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
