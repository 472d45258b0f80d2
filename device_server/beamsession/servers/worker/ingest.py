"""One session's way to the catalogue: which step follows which, how long it is tried, who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.states import IngestState, SessionState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier, Progress
from beamsession.servers.worker.outcome import Ending, Outcome, pause_before, tried
from beamsession.servers.worker.steps import IngestSteps
from beamsession.store import Store

log = logging.getLogger(__name__)
_SERVER_ERRORS_ALLOWED = 3
# The manager is on our own machine or beside it: it is asked more often than a catalogue far away.
_LONGEST_REPORT_PAUSE_S = 60.0


class _ParkedError(Exception):
    """The ingest waits for a person."""


class Ingest:
    """Runs inside the job database: everything with an effect is in a step, the rest gives the same at a second run."""

    def __init__(
        self, steps: IngestSteps, courier: Courier, store: Store, target: CatalogueTarget, brake: Brake
    ) -> None:
        self._steps = steps
        self._courier = courier
        self._store = store
        self._target = target
        self._brake = brake

    def run(self, session_id: int) -> str:
        """Bring the session to the catalogue; the last word of it, for the job's own record."""
        steps = self._steps
        try:
            pid = self._do(session_id, "files", "", lambda: steps.freeze(session_id))
            count = self._do(session_id, "checksums", pid, lambda: steps.take_checksums(session_id))
            self._do(session_id, "dataset", pid, lambda: steps.create_dataset(session_id))
            for number in range(count):
                name = f"block {number + 1} of {count}"
                self._do(session_id, name, pid, lambda number=number: steps.store_block(session_id, number))
            verified = self._do(session_id, "verify", pid, lambda: steps.verify(session_id))
        except _ParkedError as parked:
            return f"parked: {parked}"
        self._tell(lambda: self._courier.finish_archived(session_id, pid, f"{jobs.job_id()}:archived"), session_id)
        log.info("session %d is in the catalogue as %s: %s", session_id, pid, verified)
        return f"archived as {pid}: {verified}"

    def _do(self, session_id: int, name: str, pid: str, action: Callable[[], Any]) -> Any:
        """The result of a step that is tried until it is done; _ParkedError when a person is needed."""
        tries = server_errors = 0
        while True:
            outcome = Outcome.model_validate(jobs.step(name, lambda: self._try(session_id, name, pid, action)))
            if outcome.ending is Ending.DONE:
                return outcome.value
            server_errors += outcome.is_server_error
            if outcome.ending is Ending.PARK or server_errors >= _SERVER_ERRORS_ALLOWED:
                self._park(session_id, name, pid, outcome)
            jobs.wait(self._pause(name, tries, outcome))
            tries += 1

    def _try(self, session_id: int, name: str, pid: str, action: Callable[[], Any]) -> dict[str, Any]:
        with self._brake.work():
            self._courier.post(Progress(session_id, IngestState.RUNNING, name, pid=pid))
            outcome = tried(action)
            if outcome.ending is Ending.WAIT:
                log.warning("ingest of session %d waits at '%s': %s", session_id, name, outcome.text)
                detail = f"Waiting: {outcome.text}"
                self._courier.post(Progress(session_id, IngestState.PENDING, name, detail, pid))
        return outcome.model_dump(mode="json")

    def _pause(self, name: str, tries: int, outcome: Outcome) -> float:
        """The pause is kept in the job database, so that a second run waits for the same moment."""
        first, longest = self._target.first_retry_s, self._target.longest_retry_s

        def choose() -> dict[str, Any]:
            return {"seconds": pause_before(tries, first, longest, outcome.retry_after_s)}

        return float(jobs.step(f"pause before {name}", choose)["seconds"])

    def _park(self, session_id: int, name: str, pid: str, outcome: Outcome) -> None:
        log.error("ingest of session %d is parked at '%s': %s", session_id, name, outcome.text)
        progress = Progress(session_id, IngestState.PARKED, name, outcome.text, pid)
        self._tell(lambda: self._courier.finish_parked(progress, f"{jobs.job_id()}:parked"), session_id)
        raise _ParkedError(outcome.text)

    def _tell(self, send: Callable[[], None], session_id: int) -> None:
        """Send a last word until it has arrived: without it the store would never know."""
        tries = 0
        while not jobs.step("tell the manager", lambda: self._try_to_tell(send, session_id))["told"]:
            jobs.wait(min(self._target.first_retry_s * 2 ** min(tries, 10), _LONGEST_REPORT_PAUSE_S))
            tries += 1

    def _try_to_tell(self, send: Callable[[], None], session_id: int) -> dict[str, Any]:
        with self._brake.work():
            try:
                send()
                told = True
            except UnavailableError as fault:
                log.warning("the manager does not take the end of session %d's ingest yet: %s", session_id, fault.text)
                told = False
            except BeamsessionError as fault:
                told = self._store.session(session_id).state in (SessionState.ARCHIVED, SessionState.CANCELLED)
                log.error("the manager refuses the end of session %d's ingest: %s", session_id, fault.text)
        return {"told": told}
