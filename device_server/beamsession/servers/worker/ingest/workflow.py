"""One session's way to the catalogue: which step follows which, how long it is tried, who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.clock import to_text, utc_now
from beamsession.model.errors import WrongStateError
from beamsession.model.states import IngestState, SessionState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.ingest.breaker import Breaker
from beamsession.servers.worker.ingest.delivery import Delivery, Way
from beamsession.servers.worker.ingest.freezer import Tell
from beamsession.servers.worker.ingest.pace import Pace
from beamsession.servers.worker.last_word import LastWord
from beamsession.servers.worker.outcome import Ending, Outcome, pause_before, tried
from beamsession.servers.worker.reports import Report, ingest_stored, session_archived
from beamsession.store import Store

log = logging.getLogger(__name__)
_OFFLINE_STEP = "checksums"
_ASKED_ANEW = "ASKED_ANEW"
_SERVER_ERRORS_ALLOWED = 3
# The manager is on our own machine or beside it: it is asked more often than a catalogue far away.
_LONGEST_MANAGER_PAUSE_S = 60.0
_FAR_ENDS = (SessionState.ARCHIVED, SessionState.CANCELLED)


class _ParkedError(Exception):
    """The ingest waits for a person."""


class _DroppedError(Exception):
    """The session is not to be sent any more: somebody opened it again, or gave its ingest up."""


class _AskedAnewError(Exception):
    """The ingest was given up and asked for again: what was frozen may not be what is wanted now."""


class Ingest:
    """Runs inside the job database: everything with an effect is in a step, the rest gives the same at a second run."""

    def __init__(
        self,
        delivery: Delivery,
        courier: Courier,
        store: Store,
        target: CatalogueTarget | IngestorTarget,
        brake: Brake,
        breaker: Breaker | None = None,
    ) -> None:
        self._breaker = breaker
        self._delivery = delivery
        self._courier = courier
        self._store = store
        self._target = target
        self._brake = brake
        self._last_word = LastWord(courier, brake)

    def run(self, session_id: int) -> str:
        """Bring the session to the catalogue; the last word of it, for the job's own record."""
        while True:
            try:
                return self._brought(session_id)
            except _AskedAnewError:
                continue
            except _ParkedError as parked:
                return f"parked: {parked}"
            except _DroppedError as dropped:
                return f"dropped: {dropped}"

    def _brought(self, session_id: int) -> str:
        delivered = self._delivery.bring(session_id, self._do)
        pid = delivered.pid
        if not delivered.is_archiving:
            self._tell(ingest_stored(session_id, pid, delivered.name), "stored", session_id)
            return f"stored as {pid}, not archived"
        self._tell(session_archived(session_id, pid, delivered.name), "archived", session_id)
        jobs.step("tidy", lambda: tried(lambda: self._delivery.tidy(session_id)).model_dump(mode="json"))
        log.info("session %d is in the catalogue as %s", session_id, pid)
        return f"archived as {pid}"

    def _do(self, way: Way, name: str, action: Callable[[Tell], Any]) -> Any:
        """The result of a step that is tried until it is done; _ParkedError when a person is needed."""
        tries = server_errors = 0
        while True:
            told = jobs.step(name, lambda tries=tries: self._try(way, name, action, tries))
            outcome = Outcome.model_validate(told)
            if outcome.ending is Ending.DONE:
                return outcome.value
            if outcome.ending is Ending.DROP:
                log.info("ingest of session %d ends at '%s': %s", way.session_id, name, outcome.text)
                raise _AskedAnewError if outcome.code == _ASKED_ANEW else _DroppedError(outcome.text)
            server_errors += outcome.is_server_error
            if outcome.ending is Ending.PARK or server_errors >= _SERVER_ERRORS_ALLOWED:
                self._park(way, name, outcome, tries + 1)
            if self._breaker and (outcome.is_down or outcome.is_refused):
                self._breaker.waits(way.session_id, tries)
            jobs.wait(outcome.pause_s)
            tries += not outcome.is_refused

    def _try(self, way: Way, name: str, action: Callable[[Tell], Any], tries: int) -> dict[str, Any]:
        """One try; the pause after it is part of what is kept, so that a second run waits for the same moment."""

        def tell(detail: str = "") -> None:
            self._courier.post(way.report(IngestState.RUNNING, name, detail, attempts=tries + 1))

        with self._brake.work():
            outcome = tried(lambda: self._require_wanted(way))
            if outcome.ending is Ending.DONE:
                outcome = self._refused(name) or self._tried(way, action, tell)
            if outcome.ending in (Ending.WAIT, Ending.PARK):
                outcome = outcome.model_copy(update={"in_doubt": self._delivery.is_in_doubt(way.session_id)})
            if outcome.ending is Ending.WAIT:
                outcome = outcome.model_copy(update={"pause_s": self._pause(tries, outcome)})
                self._tell_of_waiting(way, name, outcome, tries + 1)
        return outcome.model_dump(mode="json")

    def _tried(self, way: Way, action: Callable[[Tell], Any], tell: Tell) -> Outcome:
        tell("")
        fault: list[CatalogueError] = []

        def watched() -> Any:
            try:
                return action(Pace(tell))
            except CatalogueError as caught:
                fault.append(caught)
                raise

        outcome = tried(watched)
        if self._breaker is None:
            return outcome
        if outcome.is_down and fault:
            self._breaker.failed(fault[0])
        elif outcome.status or (way.dataset and outcome.ending is Ending.DONE):
            self._breaker.worked()
        return outcome

    def _refused(self, name: str) -> Outcome | None:
        """The outcome of not asking a catalogue that is known to be down; None: go on."""
        if self._breaker is None or name == _OFFLINE_STEP or not (reason := self._breaker.refusal):
            return None
        text = f"{reason} It is asked again as soon as it answers."
        return Outcome(ending=Ending.WAIT, code="CATALOGUE_DOWN", text=text, is_refused=True)

    def _tell_of_waiting(self, way: Way, name: str, outcome: Outcome, attempts: int) -> None:
        detail = f"Waiting: {outcome.text}"
        if outcome.is_refused:  # The same words as often as it is looked: nothing that is news.
            report = way.report(IngestState.PENDING, name, detail, attempts=attempts - 1, **outcome.trouble)
        else:
            log.warning("ingest of session %d waits at '%s': %s", way.session_id, name, outcome.text)
            next_try = to_text(utc_now() + timedelta(seconds=outcome.pause_s))
            more = {**outcome.trouble, "attempts": attempts, "next_try": next_try}
            report = way.report(IngestState.PENDING, name, detail, **more)
        self._courier.post(report)

    def _require_wanted(self, way: Way) -> None:
        """Raise WrongStateError where the ingest was given up, or given up and asked for again."""
        ingest = self._store.ingest(way.session_id)
        if ingest is None:
            return
        if ingest.state is IngestState.CANCELLED:
            raise WrongStateError(f"The ingest of session {way.session_id} was given up.")
        if way.asked and ingest.due is not None and to_text(ingest.due) != way.asked:
            raise WrongStateError(f"The ingest of session {way.session_id} was asked for again.", code=_ASKED_ANEW)

    def _pause(self, tries: int, outcome: Outcome) -> float:
        first, longest = self._target.first_retry_s, self._target.longest_retry_s
        if outcome.is_refused:
            return pause_before(0, longest, longest, None)
        if outcome.code == "MANAGER_UNREACHABLE":
            longest = min(longest, _LONGEST_MANAGER_PAUSE_S)
        return pause_before(tries, first, longest, outcome.retry_after_s)

    def _park(self, way: Way, name: str, outcome: Outcome, attempts: int) -> None:
        log.error("ingest of session %d is parked at '%s': %s", way.session_id, name, outcome.text)
        report = way.report(IngestState.PARKED, name, outcome.text, attempts=attempts, **outcome.trouble)
        self._tell(report, "parked", way.session_id)
        raise _ParkedError(outcome.text)

    def _tell(self, report: Report, name: str, session_id: int) -> None:
        self._last_word.tell(report, name, lambda: self._store.session(session_id).state in _FAR_ENDS)
