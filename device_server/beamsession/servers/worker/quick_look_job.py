"""The job that makes the quick look of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from beamsession.archive.derived_files import place_quick_look
from beamsession.model.derived import quick_look_folder, stem_of
from beamsession.model.errors import ConflictError
from beamsession.model.job import Job
from beamsession.model.run import Run
from beamsession.servers.worker import jobs
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.servers.worker.run_job import RunJob

_MOST_TRIES = 3


class QuickLookWork(RunJob):
    """Argument `run_id`. Pictures and numbers get their places when all are made."""

    def check(self, job: Job) -> None:
        """Raises what `run_of` raises."""
        self.run_of(job)

    def do(self, job: Job, watch: JobWatch) -> Done:
        """Raises what the engine raises, and ConflictError (FILE_EXISTS, FILE_IS_DATA)."""
        self.require_alone(job)
        scratch = self.state / "quick_look" / f"{job.id}"
        shutil.rmtree(scratch, ignore_errors=True)
        watch.require_wanted()
        if jobs.times_begun() > _MOST_TRIES:
            return Done(f"The worker ended {_MOST_TRIES} times on the way; it is not tried again.", is_success=False)
        run = self.run_of(job)
        folder = quick_look_folder(self.home_of(run), run)
        self._require_no_data(run, folder)
        scratch.mkdir(parents=True)
        try:
            return self._made(job, watch, run, scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _made(self, job: Job, watch: JobWatch, run: Run, scratch: Path, folder: Path) -> Done:
        options = self.instrument.quick_look
        order: dict[str, Any] = {
            "master": run.file,
            "folder": str(scratch.resolve()),
            "stem": stem_of(run),
            "run": {
                "instrument": self.instrument.name,
                "id": run.id,
                "session": run.session_id,
                "number": run.number,
                "state": run.state.value,
                "title": run.title,
            },
            "options": options.model_dump(mode="json"),
        }
        made = self.engine(
            "quick_look",
            job,
            watch,
            order,
            told=lambda what: watch.progress(float(what.get("share", 0))),
            limit_s=options.timeout_s,
        )
        summary: dict[str, Any] = made["summary"]
        files = place_quick_look(self.instrument.data_root, folder, scratch, made["files"], self.instrument.rules)
        return Done(_sentence(summary), {**summary, "folder": str(folder), "files": [path.name for path in files]})

    def _require_no_data(self, run: Run, folder: Path) -> None:
        """What somebody has added to the session is data, and stays as it is."""
        for file in self.store.files(run.session_id):
            if Path(file.path) == folder or Path(file.path).parent == folder:
                raise ConflictError(
                    f"{file.path} was added to session {run.session_id}, so it is not made again.",
                    code="FILE_IS_DATA",
                    value=file.path,
                    remedy="Take it off the session with RemoveFile, then ask again.",
                )


def _sentence(summary: dict[str, Any]) -> str:
    looked = [f"{item['sampled']} of {item['frames']} frames of {item['name']}" for item in summary["detectors"]]
    readings = len(summary["readings"])
    parts = [*looked, *([f"{readings} readings"] if readings else [])]
    complaints = "".join(f" {complaint}" for complaint in summary["complaints"])
    return f"{', '.join(parts)}.{complaints}"
