"""The readings process: fills the table while a run is recorded, watches the PVs all the time."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from beamsession.model.errors import RefusedError
from beamsession.record.link import Link, Message
from beamsession.record.readings.messages import DO, Begin, Configure, Constants, End, Look, Progress, Seen, Silent
from beamsession.record.readings.tablewriter import TableWriter
from beamsession.record.readings.watched import WatchedPvs

_FLUSH_S = 0.2
_log = logging.getLogger(__name__)


class ReadingsProcess:
    """One of them per recorder; everything but the callbacks of the EPICS libraries happens in `run`.

    A process that could not write its table says so and is of no further use: HDF5 holds on to the broken file.
    """

    def __init__(self) -> None:
        self._link = Link(self._handle)
        self._pvs = WatchedPvs((), ())
        self._table: TableWriter | None = None
        self._count = 0
        self._failure = ""

    def run(self) -> None:
        """Serve the recorder until it is gone; a table that is open then is closed in order."""
        last = time.monotonic()
        while self._link.open:
            self._link.poll(_FLUSH_S if self._table else None)
            if self._table and time.monotonic() - last >= _FLUSH_S:
                last = time.monotonic()
                self._flush()
        self._close()
        if self._failure:
            os._exit(1)  # Not in order: HDF5 would write to the broken file once more.

    def _handle(self, message: Message) -> Message | None:
        match message[DO]:
            case "configure":
                configured = Configure.model_validate(message)
                self._pvs = WatchedPvs(configured.readings, configured.constants)
                return None
            case "look":
                return self._look(Look.model_validate(message))
            case "begin":
                return self._begin(Begin.model_validate(message))
            case "end":
                return self._end(End.model_validate(message))
            case other:
                raise ValueError(f"unknown command {other!r}")

    def _look(self, look: Look) -> Message:
        silent = self._pvs.wait(look.timeout_s)
        _, silent_constants = self._pvs.read_constants(look.timeout_s)
        return _json(Seen(silent=(*silent, *silent_constants)))

    def _begin(self, begin: Begin) -> Message:
        self._close()
        deadline = time.monotonic() + begin.timeout_s
        if silent := self._pvs.wait(begin.timeout_s):
            raise refusal(silent[0], begin.timeout_s)
        constants, silent = self._pvs.read_constants(max(deadline - time.monotonic(), 0.0))
        if silent:
            raise refusal(silent[0], begin.timeout_s)
        self._count = 0
        if begin.path is not None:
            self._table = TableWriter(begin.path, self._pvs.columns(), begin.rules)
            self._pvs.board.begin()
            self._flush()
        return _json(Constants(constants=constants, count=self._count))

    def _end(self, end: End) -> Message:
        self._close()
        constants, silent = self._pvs.read_constants(end.timeout_s)
        for item in silent:
            _log.warning("the constant %s (%s) did not answer at the end of the run", item.name, item.pv)
        return _json(Constants(constants=constants, count=self._count, failure=self._failure))

    def _flush(self) -> None:
        rows = self._pvs.board.take()
        if self._table is None or not rows or self._failure:
            return
        try:
            self._table.append(rows)
            self._count = self._table.count
        except (OSError, RuntimeError) as fault:
            self._fail(fault)
        self._link.send(_json(Progress(count=self._count, failure=self._failure)))

    def _close(self) -> None:
        if self._table is None:
            return
        self._flush()
        self._pvs.board.end()
        if self._failure:
            return
        try:
            self._table.close()
            self._table = None
        except (OSError, RuntimeError) as fault:
            self._fail(fault)

    def _fail(self, fault: Exception) -> None:
        _log.error("the table of readings could not be written", exc_info=fault)
        self._failure = f"The readings could not be written ({fault}); {self._count} are safe."


def refusal(silent: Silent, timeout_s: float) -> RefusedError:
    """The error for a PV that keeps a run from starting."""
    if silent.refusal:
        return RefusedError(
            f"The PV {silent.pv} cannot be recorded as '{silent.name}': {silent.refusal}.",
            code="READING_NOT_A_NUMBER",
            value=silent.pv,
            remedy=f"Correct {silent.key} in the configuration: a reading is a number or an enumeration.",
        )
    return RefusedError(
        f"The PV {silent.pv} of '{silent.name}' did not answer within {timeout_s:g} s.",
        code="PV_TIMEOUT",
        value=silent.pv,
        remedy=f"See that its IOC runs and can be reached, or correct {silent.key} in the configuration.",
    )


def _json(message: Any) -> Message:
    return message.model_dump(mode="json")
