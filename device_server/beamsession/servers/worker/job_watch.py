"""What a job's work does beside its work: tells how far it is, and looks whether it is still wanted."""

from __future__ import annotations

import time
from collections.abc import Callable

from beamsession.model.errors import UnavailableError
from beamsession.model.job import JobState
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.reports import Report, job_progress
from beamsession.store import Store

_LOOK_S = 0.5
# Each report is an event of the log, which is kept for ever.
_REPORT_S = 1.0
_REPORT_SHARE = 0.05


class JobCancelledError(Exception):
    """Somebody asked that the job be ended."""


class JobWatch:
    """One job's; not for two threads at a time. `post` has a report delivered some time."""

    def __init__(
        self,
        job_id: int,
        store: Store,
        post: Callable[[Report], None],
        brake: Brake,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job_id = job_id
        self._store = store
        self._post = post
        self._brake = brake
        self._clock = clock
        self._looked = float("-inf")
        self._reported = float("-inf")
        self._share = 0.0

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is about to end."""
        return self._brake.pulled

    def checkpoint(self) -> None:
        """Go on, or never return when the worker ends. Raises JobCancelledError; looks twice a second at most."""
        self._brake.checkpoint()
        self.require_wanted()

    def require_ours(self) -> None:
        """Go on, or never return where another worker does it now: before something gets its place for good."""
        self._brake.checkpoint()

    def require_wanted(self) -> None:
        """Raises JobCancelledError; looks twice a second at most."""
        now = self._clock()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        try:
            is_unwanted = self._store.job(self._job_id).cancel_asked
        except UnavailableError:
            return  # The work goes on without the store; it is asked again soon.
        if is_unwanted:
            raise JobCancelledError

    def progress(self, share: float, detail: str = "") -> None:
        """Tell how far it is, from 0 to 1; what comes too soon after the last time or is no news is not told."""
        now = self._clock()
        if now - self._reported < _REPORT_S or share - self._share < _REPORT_SHARE:
            return
        self.tell(share, detail)

    def tell(self, share: float, detail: str = "") -> None:
        """Tell how far it is whenever that was told last."""
        self._reported, self._share = self._clock(), share
        self._post(job_progress(self._job_id, JobState.RUNNING, share, detail))
