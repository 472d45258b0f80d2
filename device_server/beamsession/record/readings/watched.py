"""All PVs of one recorder in the readings process: subscribed for good, described when they connect."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from beamsession.model.reading import ConstantConfig, Protocol, ReadingConfig
from beamsession.record.readings.board import Board
from beamsession.record.readings.emptytable import EmptyTable
from beamsession.record.readings.messages import MOST_ROWS, MOST_TOLD, Silence, Silent
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.source import Facts, ScalarSource
from beamsession.record.readings.table import Column

_LOOK_S = 0.005
# Constants that are asked at the same time.
_ASKERS = 16


class WatchedPvs:
    """Readings, whose values go to `board`, and constants, which are read when they are asked for."""

    def __init__(
        self, readings: Sequence[ReadingConfig], constants: Sequence[ConstantConfig], most_rows: int = MOST_ROWS
    ) -> None:
        self.board = Board(len(readings), most_rows)
        self._readings = readings
        self._constants = constants
        self._facts = _AllFacts(len(readings))
        self._table: EmptyTable | None = None
        self._changes_seen = 0
        self._askers = ThreadPoolExecutor(_ASKERS, "constants") if constants else None
        for index, reading in enumerate(readings):
            _source(reading.source).watch(reading.pv, _Watched(index, self.board, self._facts))

    def wait(self, timeout: float) -> Silence:
        """Wait until every reading has a value and a description; those that have not got them in time."""
        deadline = time.monotonic() + timeout
        while (absent := self._absent()) and time.monotonic() < deadline and not self._facts.refused:
            time.sleep(_LOOK_S)
        return Silence(
            count=len(absent | set(self._facts.refused)),
            first=tuple(self._silent(index) for index in self._first_of(absent)),
        )

    def table(self) -> EmptyTable:
        """What the table of a run that begins now is; the configured units come before the PV's own."""
        changes = self._facts.changes
        if self._table is None or self._table.version != changes:
            self._table = EmptyTable.of([self._column(index) for index in range(len(self._readings))], changes)
        return self._table

    def make_ready(self) -> None:
        """Make the table ahead of the run; to be called now and then. As long as more becomes known it does nothing."""
        changes, self._changes_seen = self._changes_seen, self._facts.changes
        if changes == self._changes_seen and self._readings and not self._facts.unknown:
            self.table()

    def read_constants(self, timeout: float) -> tuple[dict[str, Reading], Silence]:
        """The constants at this moment, and those that did not answer; all are asked at the same time."""
        if self._askers is None:
            return {}, Silence()
        # Made here: two askers at once would make two.
        sources = [_source(constant.source) for constant in self._constants]
        answers = self._askers.map(lambda source, constant: source.read(constant.pv, timeout), sources, self._constants)
        asked = list(zip(self._constants, answers, strict=True))
        silent = [
            Silent(name=constant.name, pv=constant.pv, key=f"constants.{constant.name}.pv", source=constant.source)
            for constant, answer in asked
            if answer is None
        ]
        found = {constant.name: answer for constant, answer in asked if answer is not None}
        return found, Silence(count=len(silent), first=tuple(silent[:MOST_TOLD]))

    def _absent(self) -> set[int]:
        return self._facts.unknown | set(self.board.missing())

    def _first_of(self, absent: set[int]) -> list[int]:
        """Those that can be recorded by no means come first."""
        refused = sorted(self._facts.refused)
        return [*refused, *sorted(absent - set(refused))][:MOST_TOLD]

    def _silent(self, index: int) -> Silent:
        reading = self._readings[index]
        refusal = self._facts.refused.get(index, "")
        key = f"readings.{reading.name}.pv"
        return Silent(name=reading.name, pv=reading.pv, key=key, refusal=refusal, source=reading.source)

    def _column(self, index: int) -> Column:
        reading, facts = self._readings[index], self._facts.of(index)
        return Column(
            name=reading.name,
            pv=reading.pv,
            units=reading.units if reading.units is not None else facts.units,
            description=facts.description,
            labels=facts.labels,
        )


class _AllFacts:
    """What the readings are; `changes` counts how often one of them was told anew."""

    def __init__(self, size: int) -> None:
        self._facts = [Facts()] * size
        self.unknown = set(range(size))
        self.refused: dict[int, str] = {}
        self.changes = 0

    def of(self, index: int) -> Facts:
        return self._facts[index]

    def set(self, index: int, facts: Facts) -> None:
        if facts.refusal:
            self.refused[index] = facts.refusal
        else:
            self.refused.pop(index, None)
        if facts != self._facts[index]:
            self._facts[index] = facts
            self.changes += 1
        self.unknown.discard(index)


class _Watched:
    """The `Watcher` of one reading."""

    def __init__(self, index: int, board: Board, facts: _AllFacts) -> None:
        self._index = index
        self._board = board
        self._facts = facts

    def post(self, moment: int, value: float, severity: int) -> None:
        self._board.post(self._index, moment, value, severity)

    def describe(self, facts: Facts) -> None:
        self._facts.set(self._index, facts)

    def lose(self) -> None:
        self._board.lose(self._index)


@cache
def _source(protocol: Protocol) -> ScalarSource:
    """The protocol's library, loaded when it is needed first."""
    if protocol is Protocol.PVA:
        from beamsession.record.readings.pva import PvaScalars

        return PvaScalars()
    if protocol is Protocol.TANGO:
        from beamsession.record.readings.tango import TangoScalars

        return TangoScalars()
    from beamsession.record.readings.ca import CaScalars

    return CaScalars()
