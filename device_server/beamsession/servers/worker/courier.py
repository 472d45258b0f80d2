"""Carries reports to the manager beside the work: the newest about each subject, in order, at its own pace."""

from __future__ import annotations

import logging
from threading import Condition, Lock, Thread
from typing import Any

from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.reporter import Reporter
from beamsession.servers.worker.reports import Report

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class Courier:
    """A manager that is down delays nobody: a newer report on the same subject replaces one not yet delivered."""

    def __init__(self, reporter: Reporter, brake: Brake) -> None:
        self._reporter = reporter
        self._brake = brake
        self._waiting: dict[str, Report] = {}
        self._last: dict[str, Report] = {}
        self._changed = Condition()
        self._sending = Lock()

    def start(self) -> None:
        """Begin to deliver."""
        Thread(target=self._run, name="courier", daemon=True).start()

    def post(self, report: Report) -> None:
        """Have `report` delivered some time; the same again is not news."""
        with self._changed:
            if self._last.get(report.subject) == report:
                return
            self._last[report.subject] = report
            self._waiting[report.subject] = report
            self._changed.notify_all()

    def deliver(self, report: Report, request_id: str = "") -> Any:
        """Deliver now, in the place of what waits on that subject; the answer. Raises what the reporter raises.

        To be called inside `Brake.work`: what is not ours to do any more is not ours to tell either.
        """
        self._brake.checkpoint()
        with self._changed:
            self._waiting.pop(report.subject, None)
            self._last.pop(report.subject, None)
        with self._sending:
            return self._reporter.send(report, request_id)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._brake.pulled:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting), timeout=1.0)
            if not self._brake.is_sure():
                return
            if self._deliver_one():
                pause = _FIRST_PAUSE_S
            else:
                self._brake.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _deliver_one(self) -> bool:
        with self._sending:
            with self._changed:
                report = next(iter(self._waiting.values()), None)
            if report is None:
                return True
            try:
                self._reporter.send(report)
            except UnavailableError as fault:
                log.warning("the manager does not take a report yet: %s", fault.text)
                return False
            except BeamsessionError as fault:
                log.error("the manager refuses the report on %s: %s", report.subject, fault.text)
            with self._changed:
                if self._waiting.get(report.subject) == report:
                    del self._waiting[report.subject]
            return True
