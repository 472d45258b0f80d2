"""What jobs about one closed run have in common: which run it is, and how its process is watched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from beamsession.model.derived import home_session
from beamsession.model.errors import RefusedError, WrongStateError
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.model.run import Run
from beamsession.servers.worker.engine_process import run_engine
from beamsession.servers.worker.hooks.leftovers import end_leftovers
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.store import Store


class _StoppingError(Exception):
    """The worker is about to end."""


class RunJob:
    """Jobs with the argument `run_id`. `state` is the folder of this worker alone."""

    def __init__(self, store: Store, instrument: Instrument, state: Path) -> None:
        self.store = store
        self.instrument = instrument
        self.state = state

    def run_of(self, job: Job) -> Run:
        """The run, wherever it was moved. Raises NotFoundError, WrongStateError, RefusedError FILE_MISSING."""
        run = self.store.run_with_id(int(job.arguments["run_id"]))
        if not run.state.is_verdict:
            raise WrongStateError(
                f"Run {run.number} of session {run.session_id} has not ended.",
                value=run.number,
                remedy="Wait for its verdict, then ask again.",
            )
        if not run.file or not Path(run.file).is_file():
            raise RefusedError(
                f"The file {run.file or 'of the run'} is not there.",
                code="FILE_MISSING",
                value=run.file,
                remedy="Mount its disk or put it back, then ask again.",
            )
        return run

    def home_of(self, run: Run) -> Path:
        """The folder that the run was recorded in."""
        return self.instrument.data_root / self.store.session(home_session(run)).folder

    def mark(self, job: Job) -> str:
        """What its process carries, so that one left behind by a killed worker is found."""
        return f"{job.id}@{self.state.resolve()}"

    def require_alone(self, job: Job) -> None:
        """End what an earlier try left behind. Raises RefusedError LEFTOVER where that cannot be done."""
        if end_leftovers(self.mark(job)):
            return
        raise RefusedError(
            "An earlier try is still under way and cannot be ended.",
            code="LEFTOVER",
            remedy="End that process by hand, then ask again.",
        )

    def engine(
        self,
        work: str,
        job: Job,
        watch: JobWatch,
        order: dict[str, Any],
        *,
        told: Callable[[dict[str, Any]], None],
        look: Callable[[], None] = lambda: None,
        limit_s: float = float("inf"),
    ) -> dict[str, Any]:
        """Have it done in a process of its own, which ends with the worker; `look` is called some times a second."""

        def checkpoint() -> None:
            if watch.is_stopping:
                raise _StoppingError
            watch.require_wanted()
            look()

        try:
            done = run_engine(work, order, mark=self.mark(job), limit_s=limit_s, told=told, checkpoint=checkpoint)
            watch.require_ours()
            return done
        except _StoppingError:
            watch.checkpoint()  # It does not return: the job is done again at the next start.
            raise
