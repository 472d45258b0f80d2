"""What others have left: the work of a worker that is gone goes on, that of an older version is begun anew."""

from __future__ import annotations

import logging

from beamsession.crew.membership import Membership
from beamsession.servers.worker.jobs import JOBS_VERSION, Begun, JobDatabase

log = logging.getLogger(__name__)


class Care:
    """Only for the worker that follows the log. `is_called_off`: what is to be done must be enqueued again."""

    def __init__(self, database: JobDatabase, membership: Membership) -> None:
        self._database = database
        self._membership = membership
        self.is_called_off = False

    def look(self) -> None:
        """Look once, and do what can be done now. Raises UnavailableError."""
        begun = self._database.begun()
        for name in sorted({item.worker for item in begun if item.worker and item.version == int(JOBS_VERSION)}):
            self._take_over(name)
        if older := [item for item in begun if item.version < int(JOBS_VERSION)]:
            self._call_off(older)

    def _take_over(self, name: str) -> None:
        with self._membership.absent(name) as is_absent:
            if is_absent:
                log.warning("worker '%s' is gone: what it had begun goes on with the others", name)
                self._database.take_over(name)

    def _call_off(self, older: list[Begun]) -> None:
        """A version of which a worker lives does its own; none of another version begins meanwhile."""
        with self._membership.mustered() as versions:
            if versions is None:
                return
            left = [item.id for item in older if item.version not in versions]
            if not left:
                return
            log.warning("%d pieces of work of an older version are begun anew", len(left))
            # Said first: if this process dies in between, the next one that leads takes everything up anyway.
            self.is_called_off = True
            self._database.call_off(left)
