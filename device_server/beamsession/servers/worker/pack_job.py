"""The job that copies a run into one file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from beamsession.archive.new_name import ends_in, give_name
from beamsession.archive.placing import dress, require_root
from beamsession.model.derived import copy_end, single_file
from beamsession.model.errors import ConflictError, RefusedError
from beamsession.model.job import Job
from beamsession.model.run import Run
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.servers.worker.run_job import RunJob


class PackWork(RunJob):
    """Arguments `run_id`, and `target`: the copy's path, or empty for its usual place. It is there when it is whole."""

    def check(self, job: Job) -> None:
        """Raises what `run_of` raises, RefusedError (ROOT_MISSING, FOLDER_MISSING), ConflictError (FILE_EXISTS,
        FILE_IS_DATA). Not asked a second time: a copy found at the target then may be this job's own.
        """
        run = self.run_of(job)
        require_root(self.instrument.data_root)
        target = self._target(job, run)
        if job.arguments["target"]:
            self.store.require_no_data(target, self.instrument.data_root)
        if not target.parent.is_dir():
            raise RefusedError(
                f"The folder {target.parent} is not there.",
                code="FOLDER_MISSING",
                value=str(target.parent),
                remedy="Make it or mount its disk, or name another one.",
            )
        if target.exists() or target.is_symlink():
            raise _exists(target)

    def do(self, job: Job, watch: JobWatch) -> Done:
        """Raises what the engine raises, RefusedError, ConflictError FILE_EXISTS, and OSError."""
        self.require_alone(job)
        run = self.run_of(job)
        target, mark = self._target(job, run), f"{self.instrument.name}-job-{job.id}"
        part, end = target.with_name(f".{target.name}.{mark}.part"), copy_end(mark)
        part.unlink(missing_ok=True)
        if ends_in(target, end):  # An earlier try had finished it, an instant before it was cut short.
            return _done(target, {})
        watch.require_wanted()
        try:
            part.touch(mode=0o600, exist_ok=False)
            dress(part, self.instrument.rules.file_mode, self.instrument.rules)
            report = self._copied(job, watch, Path(run.file), part, target, end)
            give_name(part, target, end)
        except FileExistsError as fault:
            raise _exists(target) from fault
        except OSError as fault:
            raise RefusedError(
                f"The copy {target} cannot be written: {fault.strerror or fault}.",
                code="TARGET_UNWRITABLE",
                value=str(target),
                remedy="Name a file in a folder that is there and that the worker's account may write to.",
            ) from fault
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return _done(target, report)

    def _copied(self, job: Job, watch: JobWatch, master: Path, part: Path, target: Path, end: bytes) -> dict[str, Any]:
        needs = 0

        def told(what: dict[str, Any]) -> None:
            nonlocal needs
            needs = int(what.get("needs", needs))

        def look() -> None:
            if needs:
                watch.progress(min(part.stat().st_size / needs, 0.99))

        order: dict[str, Any] = {
            "master": str(master),
            "part": str(part),
            "name": target.name,
            "end": end.decode(),
            "spare": self.instrument.min_free_bytes,
        }
        return self.engine("pack", job, watch, order, told=told, look=look)

    def _target(self, job: Job, run: Run) -> Path:
        named = str(job.arguments["target"])
        return Path(named) if named else single_file(self.home_of(run), run)


def _done(target: Path, report: dict[str, Any]) -> Done:
    size = target.stat().st_size
    return Done(f"{size} bytes in {target}.", {"file": str(target), "size": size, **report})


def _exists(target: Path) -> ConflictError:
    return ConflictError(
        f"{target} exists already.",
        code="FILE_EXISTS",
        value=str(target),
        remedy="Name another file, or move that one away; a copy never replaces anything.",
    )
