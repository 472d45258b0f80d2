"""Waiting for a job: a progress bar on a terminal, a line now and then elsewhere, always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from beamsession.faces.cli.exit_codes import JOB_CANCELLED, JOB_FAILED
from beamsession.model.errors import BeamsessionError, RefusedError, UnavailableError
from beamsession.model.job import JobState

Job = dict[str, Any]
_INTERVAL_S = 0.25
_LINE_EVERY_S = 10.0
_LINE_EVERY = 0.1
_PATIENCE_S = 60.0


class StoppedWaitingError(BeamsessionError):
    """Ctrl-C: the job goes on without us."""

    default_code = "STOPPED_WAITING"


def wait_for_job(job_id: int, look: Callable[[], Job]) -> Job:
    """The job at its happy end; `look` shows it as it is.

    A server that is away for a minute is waited for. Raises RefusedError JOB_FAILED or JOB_CANCELLED with the job's
    own sentence, StoppedWaitingError after Ctrl-C, and what `look` raises.
    """
    try:
        with _teller() as tell:
            job = _last_of(look, tell)
    except KeyboardInterrupt:
        raise StoppedWaitingError(
            f"Job {job_id} goes on.",
            value=job_id,
            remedy=f"Look at it with `beamsession job show {job_id}`, end it with `beamsession job cancel {job_id}`.",
        ) from None
    if job["state"] == JobState.DONE:
        return job
    failed = job["state"] == JobState.FAILED
    raise RefusedError(
        job["detail"] or f"{job['title']}: {job['state']}.",
        code=JOB_FAILED if failed else JOB_CANCELLED,
        value=job_id,
        remedy=f"Its record: `beamsession job show {job_id}`.",
    )


def _last_of(look: Callable[[], Job], tell: Callable[[Job], None]) -> Job:
    seen = time.monotonic()
    while True:
        try:
            job = look()
        except UnavailableError:
            if time.monotonic() - seen > _PATIENCE_S:
                raise
        else:
            seen = time.monotonic()
            tell(job)
            if JobState(job["state"]).is_end:
                return job
        time.sleep(_INTERVAL_S)


@contextmanager
def _teller() -> Generator[Callable[[Job], None]]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console).tell
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda job: bar.update(task, description=job["detail"] or job["title"], completed=job["progress"])


class _Lines:
    """A line at the beginning, and one for each tenth of the work or every ten seconds of progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[str, float] = ("", -1.0)
        self._when = 0.0

    def tell(self, job: Job) -> None:
        """Print the job's progress if it is news."""
        news = (str(job["state"]), float(job["progress"]))
        if news == self._told or JobState(job["state"]).is_end:
            return
        small = news[0] == self._told[0] and news[1] - self._told[1] < _LINE_EVERY
        if small and time.monotonic() - self._when < _LINE_EVERY_S:
            return
        self._told, self._when = news, time.monotonic()
        what = job["detail"] or job["title"]
        self._console.print(f"{job['state']} {news[1]:.0%} {what}".rstrip(), soft_wrap=True, markup=False)
