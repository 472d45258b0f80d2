"""Carries progress reports to the manager beside the work: the newest of each session, in order, at its own pace."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Condition, Lock, Thread

from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.states import IngestState
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.reporter import IngestReporter

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class Progress:
    """How far one session's ingest is."""

    session_id: int
    state: IngestState
    step: str
    detail: str = ""
    pid: str = ""


class Courier:
    """A manager that is down delays nobody: a newer report of the same session replaces one not yet delivered."""

    def __init__(self, reporter: IngestReporter, brake: Brake) -> None:
        self._reporter = reporter
        self._brake = brake
        self._waiting: dict[int, Progress] = {}
        self._last: dict[int, Progress] = {}
        self._changed = Condition()
        self._sending = Lock()

    def start(self) -> None:
        """Begin to deliver."""
        Thread(target=self._run, name="courier", daemon=True).start()

    def post(self, progress: Progress) -> None:
        """Have `progress` delivered; the same again is not news."""
        with self._changed:
            if self._last.get(progress.session_id) == progress:
                return
            self._last[progress.session_id] = progress
            self._waiting[progress.session_id] = progress
            self._changed.notify_all()

    def finish_parked(self, progress: Progress, request_id: str) -> None:
        """Deliver now, after anything before it; raises what the reporter raises."""
        with self._alone(progress.session_id):
            self._reporter.report(
                progress.session_id, progress.state, progress.step, progress.detail, progress.pid, request_id=request_id
            )

    def finish_archived(self, session_id: int, pid: str, request_id: str) -> None:
        """Deliver now, after anything before it; raises what the reporter raises."""
        with self._alone(session_id):
            self._reporter.archived(session_id, pid, request_id=request_id)

    def _alone(self, session_id: int) -> Lock:
        with self._changed:
            self._waiting.pop(session_id, None)
            self._last.pop(session_id, None)
        return self._sending

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._brake.pulled:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting), timeout=1.0)
            if self._deliver_one():
                pause = _FIRST_PAUSE_S
            else:
                self._brake.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _deliver_one(self) -> bool:
        with self._sending:
            with self._changed:
                progress = next(iter(self._waiting.values()), None)
            if progress is None:
                return True
            try:
                self._reporter.report(progress.session_id, progress.state, progress.step, progress.detail, progress.pid)
            except UnavailableError as fault:
                log.warning("the manager does not take a report yet: %s", fault.text)
                return False
            except BeamsessionError as fault:
                log.error("the manager refuses the report of session %d: %s", progress.session_id, fault.text)
            with self._changed:
                if self._waiting.get(progress.session_id) == progress:
                    del self._waiting[progress.session_id]
            return True
