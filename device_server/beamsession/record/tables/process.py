"""The process of one table: receives its updates and writes them to the run's data file.

Started as `python -m beamsession.record.tables <detector as JSON>`; see `beamsession.record.tables.orders` for what it
is told and what it tells. Tables are slow enough that one process and one thread do both.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import time

from beamsession.model.detector import TableDetector
from beamsession.record.intake import Intake
from beamsession.record.link import Link, Message
from beamsession.record.refusal import DISK_FULL, disk_words
from beamsession.record.sources.pva_table import PvaTableSource
from beamsession.record.sources.source import UnusableFrameError
from beamsession.record.tables.filling import Filling
from beamsession.record.tables.orders import Prepare, TableReport

_log = logging.getLogger(__name__)
_FLUSH_S = 0.2
_STOPPING_S = 0.025
_SETTLING_S = 2.0
_GIVEN_UP = 3


class TableProcess:
    """One run at a time: subscribed from `prepare` to `stop`, recording while armed and not gated (a pause)."""

    def __init__(self, config: TableDetector) -> None:
        self._config = config
        self._source = PvaTableSource(config)
        self._settled = time.monotonic() + _SETTLING_S
        self._link = Link(self._command)
        self._filling: Filling | None = None
        self._intake: Intake | None = None
        self._next_flush = 0.0
        self._empty_ns = 0  # when nothing was waiting for the last time

    def run(self) -> None:
        """Serve until the parent is gone; the run in progress then ends with what was received."""
        while self._link.open or self._intake is not None:
            if not self._link.open and self._intake is not None and not self._intake.stopping:
                self._intake.stop(time.time_ns())
            if self._link.poll(self._pause(), (self._source.fileno(),)):
                self._take()
            else:
                self._empty_ns = time.time_ns()
            self._look_after_the_run()

    def _command(self, message: Message) -> Message | None:
        match message.pop("do"):
            case "check":
                return {"unconnected": list(self._unconnected())}
            case "prepare":
                self._prepare(Prepare.model_validate(message))
            case "arm":
                self._take_all()  # What was posted until now is not part of the run.
                self._running().armed = True
            case "gate":
                return {"at": self._gate(closed=message["closed"], at_ns=message["at"])}
            case "stop":
                if self._intake is not None:
                    self._intake.stop(message["at"])
            case "drop":
                self._end(drain=False)
            case "discard":
                self._discard()
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")
        return None

    def _unconnected(self) -> tuple[str, ...]:
        """The PVs that do not answer; a new channel gets a moment to be found."""
        while (missing := self._source.unconnected()) and time.monotonic() < self._settled:
            select.select([self._source.fileno()], (), (), 0.05)
        return missing

    def _prepare(self, order: Prepare) -> None:
        self._end(drain=True)
        filling = Filling(order)
        try:
            filling.create(self._config, self._source.subscribe(order.timeout))
        except BaseException:
            self._source.unsubscribe()
            filling.discard()
            raise
        self._filling = filling
        self._intake = Intake(self._config.name, filling, order.updates, numbered=False)
        self._empty_ns = 0

    def _gate(self, *, closed: bool, at_ns: int) -> int:
        intake = self._intake
        if intake is None:
            return at_ns  # It has its declared number already; a pause is for the others.
        moment = intake.gate(closed=closed, at_ns=at_ns)
        self._take_all()
        intake.settle()
        return moment

    def _running(self) -> Intake:
        if self._intake is None:
            raise ValueError("no run is prepared")
        return self._intake

    def _pause(self) -> float | None:
        if self._intake is None:
            return None
        return _STOPPING_S if self._intake.stopping else _FLUSH_S / 2

    def _take_all(self) -> None:
        """What is in the queue at this moment; a fast source can refill it for ever, so there is a limit."""
        deadline = time.monotonic() + _FLUSH_S
        while self._take() and time.monotonic() < deadline:
            pass

    def _take(self) -> bool:
        taken = False
        intake, filling = self._intake, self._filling
        try:
            for block in self._source.blocks():
                taken = True
                if intake is None or filling is None:
                    continue
                if intake.armed and block.format != filling.columns:
                    intake.fail(filling.columns.changed_to(block.format))
                intake.count_disconnections(self._source.disconnections())
                intake.take(block, self._empty_ns)
                if self._source.was_full():
                    intake.miss_updates()
            if intake is not None:
                intake.count_disconnections(self._source.disconnections())
        except UnusableFrameError as problem:
            if intake is not None and intake.armed:
                intake.fail(f"an update cannot be recorded: {problem}")
        if not taken:
            self._empty_ns = time.time_ns()
        return taken

    def _look_after_the_run(self) -> None:
        intake, filling = self._intake, self._filling
        if intake is None or filling is None:
            return
        now = time.monotonic()
        if intake.reached or intake.is_over(now, held_back=False):
            self._end(drain=True)
            return
        if now < self._next_flush:
            return
        self._next_flush = now + _FLUSH_S
        intake.look_at_the_end(now)
        self._take_all()  # What waits while the disk is busy must find an empty queue.
        try:
            flushed = filling.flush()
        except (OSError, RuntimeError) as problem:
            self._give_up(problem)
        self._take_all()
        if flushed or intake.news:
            self._report(closed=False)

    def _end(self, *, drain: bool) -> None:
        filling = self._filling
        if filling is None:
            return
        self._source.unsubscribe()
        try:
            filling.close(drain=drain)
        except (OSError, RuntimeError) as problem:
            self._give_up(problem)
        self._report(closed=True)
        self._filling = self._intake = None

    def _discard(self) -> None:
        """The run will not be: remove the file, which holds no row."""
        filling, self._filling, self._intake = self._filling, None, None
        self._source.unsubscribe()
        if filling is not None:
            filling.discard()

    def _report(self, *, closed: bool, failure: str = "") -> None:
        intake, filling = self._intake, self._filling
        assert intake is not None
        assert filling is not None
        received = intake.report(ended=closed)
        account = received.account
        if closed:
            account = account.settled(written=filling.flushed, expected=intake.declared)
        else:  # Updates on their way to the file are not missing yet.
            account = account.model_copy(update={"written": filling.flushed, "expected": intake.declared})
        report = TableReport(account=account, nbytes=filling.nbytes, closed=closed, failure=failure or received.failure)
        self._link.send(report.model_dump(mode="json"))

    def _give_up(self, problem: Exception) -> None:
        """The disk refused: what is flushed is safe as long as the HDF5 library touches the file no more."""
        assert self._filling is not None
        _log.error("%s: %s", self._filling.path, problem)
        full = isinstance(problem, OSError) and problem.errno in DISK_FULL
        reason = "disk full" if full else f"the disk refused to write: {disk_words(problem)}"
        self._report(closed=True, failure=f"{reason} ({self._filling.path.parent})")
        sys.stderr.flush()
        os._exit(_GIVEN_UP)


def main(arguments: list[str]) -> None:
    """Serve one table until the parent process is gone."""
    TableProcess(TableDetector.model_validate_json(arguments[0])).run()
