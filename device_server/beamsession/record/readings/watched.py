"""All PVs of one recorder in the readings process: subscribed for good, described when they connect."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache

from beamsession.model.detector import ConstantConfig, Protocol, ReadingConfig
from beamsession.record.readings.board import Board
from beamsession.record.readings.messages import Silent
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.source import Facts, ScalarSource
from beamsession.record.readings.table import Column

_LOOK_S = 0.005
# What a PV gets even if those before it used up the time: enough for one that is connected.
_LEAST_S = 0.05


class WatchedPvs:
    """Readings, whose values go to `board`, and constants, which are read when they are asked for."""

    def __init__(self, readings: Sequence[ReadingConfig], constants: Sequence[ConstantConfig]) -> None:
        self.board = Board(len(readings))
        self._readings = readings
        self._constants = constants
        self._facts: list[Facts | None] = [None] * len(readings)
        for index, reading in enumerate(readings):
            _source(reading.source).watch(reading.pv, _Watched(index, self.board, self._facts))

    def wait(self, timeout: float) -> list[Silent]:
        """Wait until every reading has a value and a description; those that have not got them in time."""
        deadline = time.monotonic() + timeout
        while (silent := self._silent()) and time.monotonic() < deadline and not any(s.refusal for s in silent):
            time.sleep(_LOOK_S)
        return silent

    def columns(self) -> list[Column]:
        """What the table says about each reading; the configured units come before the PV's own."""
        return [
            Column(
                name=reading.name,
                pv=reading.pv,
                units=reading.units if reading.units is not None else facts.units,
                description=facts.description,
                labels=facts.labels,
            )
            for reading, facts in zip(self._readings, (facts or Facts() for facts in self._facts), strict=True)
        ]

    def read_constants(self, timeout: float) -> tuple[dict[str, Reading], list[Silent]]:
        """The constants at this moment, and those that did not answer; all are asked within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        found: dict[str, Reading] = {}
        for constant in self._constants:
            left = max(deadline - time.monotonic(), _LEAST_S)
            reading = _source(constant.source).read(constant.pv, left)
            if reading is not None:
                found[constant.name] = reading
        silent = [
            Silent(name=constant.name, pv=constant.pv, key=f"constants.{constant.name}.pv")
            for constant in self._constants
            if constant.name not in found
        ]
        return found, silent

    def _silent(self) -> list[Silent]:
        absent = set(self.board.missing())
        silent: list[Silent] = []
        for index, (reading, facts) in enumerate(zip(self._readings, self._facts, strict=True)):
            refusal = facts.refusal if facts else ""
            if index in absent or facts is None or refusal:
                key = f"readings.{reading.name}.pv"
                silent.append(Silent(name=reading.name, pv=reading.pv, key=key, refusal=refusal))
        return silent


class _Watched:
    """The `Watcher` of one reading."""

    def __init__(self, index: int, board: Board, facts: list[Facts | None]) -> None:
        self._index = index
        self._board = board
        self._facts = facts

    def post(self, moment: int, value: float, severity: int) -> None:
        self._board.post(self._index, moment, value, severity)

    def describe(self, facts: Facts) -> None:
        self._facts[self._index] = facts

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
