"""The last word about a piece of work, told until it has arrived: without it the store would never know."""

from __future__ import annotations

import logging
from collections.abc import Callable

from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.reports import Report

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 1.0
# The manager is on our own machine or beside it: it is asked more often than a catalogue far away.
_LONGEST_PAUSE_S = 60.0


class LastWord:
    """Runs inside durable work; the waiting in between survives restarts of the worker."""

    def __init__(self, courier: Courier, brake: Brake) -> None:
        self._courier = courier
        self._brake = brake

    def tell(self, report: Report, name: str, is_needless: Callable[[], bool]) -> None:
        """Tell `report`; `name` makes the same report of the same work count once.

        Where the manager refuses it, `is_needless` is asked whether the store has come to an end without it.
        """
        request_id = f"{jobs.job_id()}:{name}"
        tries = 0
        while not jobs.step("tell the manager", lambda: {"told": self._try(report, request_id, is_needless)})["told"]:
            jobs.wait(min(_FIRST_PAUSE_S * 2 ** min(tries, 10), _LONGEST_PAUSE_S))
            tries += 1

    def _try(self, report: Report, request_id: str, is_needless: Callable[[], bool]) -> bool:
        with self._brake.work():
            try:
                self._courier.deliver(report, request_id)
            except UnavailableError as fault:
                log.warning("the manager does not take the end of %s yet: %s", report.subject, fault.text)
                return False
            except BeamsessionError as fault:
                log.error("the manager refuses the end of %s: %s", report.subject, fault.text)
                return self._needless(is_needless)
        return True

    def _needless(self, is_needless: Callable[[], bool]) -> bool:
        try:
            return is_needless()
        except UnavailableError:
            return False
