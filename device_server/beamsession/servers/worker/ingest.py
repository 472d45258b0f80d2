"""One session's way to the catalogue: which step follows which, how long it is tried, who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.states import IngestState, SessionState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.last_word import LastWord
from beamsession.servers.worker.outcome import Ending, Outcome, pause_before, tried
from beamsession.servers.worker.reports import Report, ingest_progress, session_archived
from beamsession.servers.worker.steps import IngestSteps
from beamsession.store import Store

log = logging.getLogger(__name__)
FIRST_STEP = "files"
_SERVER_ERRORS_ALLOWED = 3
# The manager is on our own machine or beside it: it is asked more often than a catalogue far away.
_LONGEST_MANAGER_PAUSE_S = 60.0
_FAR_ENDS = (SessionState.ARCHIVED, SessionState.CANCELLED)


class _ParkedError(Exception):
    """The ingest waits for a person."""


class _DroppedError(Exception):
    """The session is not to be sent any more: somebody opened it again."""


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
        self._last_word = LastWord(courier, brake)

    def run(self, session_id: int) -> str:
        """Bring the session to the catalogue; the last word of it, for the job's own record."""
        steps = self._steps
        try:
            pid = self._do(session_id, FIRST_STEP, "", lambda: steps.freeze(session_id))
            count = self._do(session_id, "checksums", pid, lambda: steps.take_checksums(session_id))
            self._do(session_id, "dataset", pid, lambda: steps.create_dataset(session_id))
            for number in range(count):
                name = f"block {number + 1} of {count}"
                self._do(session_id, name, pid, lambda number=number: steps.store_block(session_id, number))
            verified = self._do(session_id, "verify", pid, lambda: steps.verify(session_id))
        except _ParkedError as parked:
            return f"parked: {parked}"
        except _DroppedError as dropped:
            return f"dropped: {dropped}"
        self._tell(session_archived(session_id, pid, steps.dataset_name(session_id)), "archived", session_id)
        log.info("session %d is in the catalogue as %s: %s", session_id, pid, verified)
        return f"archived as {pid}: {verified}"

    def _do(self, session_id: int, name: str, pid: str, action: Callable[[], Any]) -> Any:
        """The result of a step that is tried until it is done; _ParkedError when a person is needed."""
        tries = server_errors = 0
        while True:
            outcome = Outcome.model_validate(jobs.step(name, lambda: self._try(session_id, name, pid, action)))
            if outcome.ending is Ending.DONE:
                return outcome.value
            if outcome.ending is Ending.DROP:
                log.info("ingest of session %d ends at '%s': %s", session_id, name, outcome.text)
                raise _DroppedError(outcome.text)
            server_errors += outcome.is_server_error
            if outcome.ending is Ending.PARK or server_errors >= _SERVER_ERRORS_ALLOWED:
                self._park(session_id, name, pid, outcome)
            jobs.wait(self._pause(name, tries, outcome))
            tries += 1

    def _try(self, session_id: int, name: str, pid: str, action: Callable[[], Any]) -> dict[str, Any]:
        with self._brake.work():
            self._courier.post(ingest_progress(session_id, IngestState.RUNNING, name, pid=pid))
            outcome = tried(action)
            if outcome.ending is Ending.WAIT:
                log.warning("ingest of session %d waits at '%s': %s", session_id, name, outcome.text)
                detail = f"Waiting: {outcome.text}"
                self._courier.post(ingest_progress(session_id, IngestState.PENDING, name, detail, pid))
        return outcome.model_dump(mode="json")

    def _pause(self, name: str, tries: int, outcome: Outcome) -> float:
        """The pause is kept in the job database, so that a second run waits for the same moment."""
        first, longest = self._target.first_retry_s, self._target.longest_retry_s
        if outcome.code == "MANAGER_UNREACHABLE":
            longest = min(longest, _LONGEST_MANAGER_PAUSE_S)

        def choose() -> dict[str, Any]:
            return {"seconds": pause_before(tries, first, longest, outcome.retry_after_s)}

        return float(jobs.step(f"pause before {name}", choose)["seconds"])

    def _park(self, session_id: int, name: str, pid: str, outcome: Outcome) -> None:
        log.error("ingest of session %d is parked at '%s': %s", session_id, name, outcome.text)
        parked = ingest_progress(session_id, IngestState.PARKED, name, outcome.text, pid)
        self._tell(parked, "parked", session_id)
        raise _ParkedError(outcome.text)

    def _tell(self, report: Report, name: str, session_id: int) -> None:
        self._last_word.tell(report, name, lambda: self._store.session(session_id).state in _FAR_ENDS)
