"""The job that writes a session's files into a ZIP archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from beamsession.archive.zip_file import write_zip
from beamsession.model.errors import ConflictError, RefusedError
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.model.plain import plain
from beamsession.servers.worker.ingest.session_files import folders_of_moved_runs, listed_paths
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.store import Store


class ZipWork:
    """Arguments `session`, `target`, `keep_folders`, `overwrite`. The archive is at its target when it is whole.

    `bring_up_to_date` has the session's own record in its folder say what the store says, where it can be written.
    """

    def __init__(self, store: Store, instrument: Instrument, bring_up_to_date: Callable[[], None]) -> None:
        self._store = store
        self._instrument = instrument
        self._bring_up_to_date = bring_up_to_date

    def check(self, job: Job) -> None:
        """Raises RefusedError FOLDER_MISSING, ConflictError (FILE_IS_DATA, FILE_EXISTS).

        Not asked a second time: an archive found at the target then may be this job's own, which `write_zip` knows.
        """
        target = Path(job.arguments["target"])
        self._store.require_no_data(target, self._instrument.data_root)
        if not target.parent.is_dir():
            raise RefusedError(
                f"The folder {target.parent} is not there.",
                code="FOLDER_MISSING",
                value=str(target.parent),
                remedy="Make it or mount its disk, or name another one.",
            )
        if target.exists() and not job.arguments["overwrite"]:
            raise ConflictError(
                f"{target} exists already.",
                code="FILE_EXISTS",
                value=str(target),
                remedy="Name another file, or say that it is to be overwritten.",
            )

    def do(self, job: Job, watch: JobWatch) -> Done:
        """Raises what `write_zip` raises."""
        session = self._store.session(int(job.arguments["session"]))
        self._bring_up_to_date()
        target = Path(job.arguments["target"])
        report = write_zip(
            target,
            self._instrument.data_root / session.folder,
            listed_paths(self._store, self._instrument, session),
            keep_folders=bool(job.arguments["keep_folders"]),
            rules=self._instrument.rules,
            mark=f"{self._instrument.name}-job-{job.id}",
            overwrite=bool(job.arguments["overwrite"]),
            guests=folders_of_moved_runs(self._store, self._instrument, session),
            progress=lambda done, total: watch.progress(done / total if total else 1.0),
            checkpoint=watch.checkpoint,
        )
        missing = f"; {len(report.missing)} were not there" if report.missing else ""
        return Done(
            f"{report.files} files, {report.size} bytes in {target}{missing}.",
            {"file": str(target), **plain(report)},
        )
