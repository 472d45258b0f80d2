"""The readings process: fills the table while a run is recorded, watches the PVs all the time."""

from __future__ import annotations

import logging
import os
import time
from typing import Any, NoReturn

import numpy as np

from beamsession.record.link import Link, Message
from beamsession.record.readings.board import Rows
from beamsession.record.readings.messages import (
    DO,
    Begin,
    Configure,
    Constants,
    End,
    Look,
    Progress,
    Seen,
    Silence,
)
from beamsession.record.readings.silent_pv import refusal
from beamsession.record.readings.tablewriter import TableWriter
from beamsession.record.readings.watched import WatchedPvs
from beamsession.record.refusal import disk_words

_FLUSH_S = 0.2
_IDLE_S = 0.5
# What the constants get even if the readings used up the time: enough for one that is connected.
_LEAST_S = 0.05
_NAMED = 3
_log = logging.getLogger(__name__)


class ReadingsProcess:
    """One of them per recorder; everything but the callbacks of the EPICS libraries happens in `run`.

    A process that could not write its table says so and is of no further use: HDF5 holds on to the broken file.
    """

    def __init__(self) -> None:
        self._link = Link(self._handle)
        self._pvs = WatchedPvs((), ())
        self._table: TableWriter | None = None
        self._names: list[str] = []
        self._progress = Progress()

    def run(self) -> NoReturn:
        """Serve the recorder until it is gone; a table that is open then is closed in order. Does not return."""
        last = time.monotonic()
        while self._link.open:
            self._link.poll(_FLUSH_S if self._table else _IDLE_S)
            if self._table is None:
                self._pvs.make_ready()
            elif time.monotonic() - last >= _FLUSH_S:
                last = time.monotonic()
                self._flush()
        self._close()
        # Nothing is left to be done in order: HDF5 would write to a broken file once more, and the threads of the
        # EPICS libraries would call an interpreter that is going away.
        os._exit(1 if self._progress.failure else 0)

    def _handle(self, message: Message) -> Message | None:
        match message[DO]:
            case "configure":
                configured = Configure.model_validate(message)
                self._pvs = WatchedPvs(configured.readings, configured.constants, configured.most_rows)
                self._names = [reading.name for reading in configured.readings]
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
        return _json(Seen(readings=silent, constants=silent_constants))

    def _begin(self, begin: Begin) -> Message:
        self._close()
        deadline = time.monotonic() + begin.timeout_s
        _require(self._pvs.wait(begin.timeout_s), begin.timeout_s)
        constants, silent = self._pvs.read_constants(max(deadline - time.monotonic(), _LEAST_S))
        _require(silent, begin.timeout_s)
        self._progress = Progress()
        if begin.path is not None:
            self._table = TableWriter(begin.path, self._pvs.table(), begin.rules)
            self._write(self._pvs.board.begin())
        return _json(Constants(constants=constants, progress=self._progress))

    def _end(self, end: End) -> Message:
        self._close()
        constants, silent = self._pvs.read_constants(end.timeout_s)
        for item in silent.first:
            _log.warning("the constant %s (%s) did not answer at the end of the run", item.name, item.pv)
        return _json(Constants(constants=constants, progress=self._progress))

    def _flush(self) -> None:
        before = self._progress
        self._write(self._pvs.board.take())
        if self._progress != before:
            self._link.send(_json(self._progress))

    def _write(self, rows: Rows) -> None:
        """Bring `rows` and the number of those that were lost to the disk; after a failure only count."""
        assert self._table is not None
        lost = self._pvs.board.lost()
        total = int(lost.sum())
        try:
            if len(rows) and not self._progress.failure:
                self._table.append(rows)
            if total > self._progress.lost and not self._progress.failure:
                self._table.note_lost(lost)
        except (OSError, RuntimeError) as fault:
            self._fail(fault)
        losers = tuple(self._names[index] for index in np.flatnonzero(lost)[:_NAMED])
        self._progress = self._progress.model_copy(update={"count": self._table.count, "lost": total, "losers": losers})

    def _close(self) -> None:
        if self._table is None:
            return
        self._flush()
        self._pvs.board.end()
        if self._progress.failure:
            return
        try:
            self._table.close()
            self._table = None
        except (OSError, RuntimeError) as fault:
            self._fail(fault)

    def _fail(self, fault: Exception) -> None:
        _log.error("the table of readings could not be written", exc_info=fault)
        count = self._table.count if self._table else self._progress.count
        failure = f"The readings could not be written ({disk_words(fault)}); {count} are safe."
        self._progress = self._progress.model_copy(update={"failure": failure})


def _require(silence: Silence, timeout_s: float) -> None:
    if silence.count:
        raise refusal(silence.first[0], timeout_s, others=silence.count - 1)


def _json(message: Any) -> Message:
    return message.model_dump(mode="json")
