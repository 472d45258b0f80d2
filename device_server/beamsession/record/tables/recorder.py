"""A detector that posts tables, which one process receives and writes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.detector import TableDetector
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.child import Child, Message
from beamsession.record.detector import Progress
from beamsession.record.sources.source import pv_timeout
from beamsession.record.tables.orders import Prepare, TableReport

_log = logging.getLogger(__name__)
_START_S = 15.0  # imports of a new process on a busy machine
_ANSWER_S = 5.0
_CLOSE_S = 20.0
_RATE_S = 1.0


class TableRecorder:
    """Implements `beamsession.record.detector.Detector`; what it counts are updates of the table.

    Its process lives as long as it, a dead one is replaced. The structure has no id: an update that is lost on the way
    is not noticed.
    """

    def __init__(self, config: TableDetector) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._child = self._start()

    @property
    def name(self) -> str:
        return self._config.name

    def check(self) -> tuple[Problem, ...]:
        self._replace_the_dead()
        try:
            unconnected = self._child.ask({"do": "check"}, _START_S)["unconnected"]
        except BeamsessionError as problem:
            return (Problem(code=problem.code, sentence=problem.sentence, remedy=problem.remedy),)
        if not unconnected:
            return ()
        missing = pv_timeout(self.name, tuple(unconnected), None)
        return (Problem(code=missing.code, sentence=missing.sentence, remedy=missing.remedy),)

    def prepare(self, plan: RunPlan) -> None:
        self._replace_the_dead()
        updates = plan.frames_of(self.name)
        order = Prepare(
            path=plan.data_file(self.name),
            title=self._config.title or self.name,
            rules=plan.rules,
            updates=updates,
            timeout=plan.connect_timeout_s,
        )
        with self._lock:
            self._run = _Run(order.path, Completeness(detector=self.name, expected=updates))
        try:
            self._child.ask({"do": "prepare", **order.model_dump(mode="json")}, plan.connect_timeout_s + _START_S)
        except BeamsessionError as fault:
            with self._lock:
                self._run = None
            if isinstance(fault, UnavailableError):
                self._tell("discard")  # It may still succeed, too late.
            raise

    def arm(self) -> None:
        self._ask("arm")

    def pause(self, at_ns: int) -> int:
        return self._ask("gate", closed=True, at=at_ns).get("at", at_ns)

    def resume(self, at_ns: int) -> int:
        return self._ask("gate", closed=False, at=at_ns).get("at", at_ns)

    def stop(self, *, drain: bool) -> None:
        if drain:
            self._tell("stop", at=time.time_ns())
        else:
            self._tell("drop")

    def progress(self) -> Progress:
        with self._lock:
            if self._run is None:
                return Progress(account=Completeness(detector=self.name))
            return self._run.progress()

    def data_file(self) -> Path | None:
        with self._lock:
            return None if self._run is None else self._run.path

    def pids(self) -> dict[str, int]:
        return {f"{self.name}.table": self._child.pid}

    def recover(self, plan: RunPlan) -> None:
        """Nothing: an orphaned process writes what has come and closes its file, and what it leaves is mended."""

    def shutdown(self) -> None:
        self._child.close(_CLOSE_S)

    def _start(self) -> Child:
        return Child(
            "beamsession.record.tables",
            self._config.model_dump_json(),
            name=f"{self.name}.table",
            on_message=self._hear,
            on_exit=self._lose,
        )

    def _replace_the_dead(self) -> None:
        if not self._child.alive:
            self._child.close(0)
            self._child = self._start()

    def _ask(self, what: str, **details: int) -> Message:
        try:
            return self._child.ask({"do": what, **details}, _ANSWER_S)
        except UnavailableError as problem:
            if problem.code != "PROCESS_GONE":
                raise  # It may not record, and nothing else would tell.
            _log.error("%s: %s", self.name, problem.text)  # and `progress` tells that its process died
            return {}

    def _tell(self, what: str, **details: int) -> None:
        """Send a command; a process that has died gets none, and its end was noticed elsewhere."""
        with suppress(UnavailableError):
            self._child.send({"do": what, **details})

    def _hear(self, message: Message) -> None:
        report = TableReport.model_validate(message)
        with self._lock:
            if self._run is not None:
                self._run.take(report)

    def _lose(self, code: int) -> None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        with self._lock:
            if self._run is not None and not self._run.closed:
                self._run.die(f"the process of the table {self.name} died ({how})")


@dataclass
class _Run:
    """What is known of the present run, from the last message of the process."""

    path: Path
    account: Completeness
    closed: bool = False
    _failure: str = ""
    _volumes: deque[tuple[float, int]] = field(default_factory=lambda: deque([(time.monotonic(), 0)]))

    def take(self, report: TableReport) -> None:
        self.account = report.account
        self.closed = report.closed
        self._volumes.append((time.monotonic(), report.nbytes))
        self._failure = self._failure or report.failure

    def die(self, sentence: str) -> None:
        self._failure = self._failure or sentence
        self.closed = True
        self.account = self.account.settled(written=self.account.written, expected=self.account.expected)

    def progress(self) -> Progress:
        return Progress(
            account=self.account,
            rate=0.0 if self.closed else self._rate(),
            closed=self.closed,
            failure=self._failure,
        )

    def _rate(self) -> float:
        now = time.monotonic()
        while len(self._volumes) > 1 and self._volumes[1][0] < now - _RATE_S:
            self._volumes.popleft()
        begin, volume = self._volumes[0]
        return (self._volumes[-1][1] - volume) / max(now - begin, _RATE_S)
