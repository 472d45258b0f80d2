"""Rows from an NTTable over PVA (normative type epics:nt/NTTable:1.0)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from p4p import Value
from p4p.client.raw import Context

from beamsession.model.detector import TableDetector
from beamsession.model.errors import RefusedError
from beamsession.record.sources.pva_channel import Channel, Wake
from beamsession.record.sources.source import UnusableFrameError
from beamsession.record.tables.block import Block, Column, Columns

_BATCH = 32  # updates taken before commands are looked at again
_QUEUE = 200  # updates
_IDLE = "field(descriptor)"  # hardly ever changes: keeps the channel open at no cost
_NTTABLE = "epics:nt/NTTable:"
_NS = 1_000_000_000
_TEXT = "as"
_DTYPES = {
    "a?": "|b1", "ab": "|i1", "aB": "|u1", "ah": "<i2", "aH": "<u2", "ai": "<i4", "aI": "<u4", "al": "<i8",
    "aL": "<u8", "af": "<f4", "ad": "<f8",
}  # fmt: skip


class PvaTableSource:
    """One NTTable: connected for life, subscribed during a run. Everything happens in one thread.

    The structure has no id: updates are numbered from 0 as they come in a run.
    """

    def __init__(self, config: TableDetector) -> None:
        self._config = config
        self._wake = Wake()
        self._table = Channel(Context("pva", nt=False, useenv=True), config.name, config.pv, self._wake, _IDLE)
        self._number = 0

    def fileno(self) -> int:
        """Readable when `blocks` may have something."""
        return self._wake.fileno()

    def unconnected(self) -> tuple[str, ...]:
        """The PVs that do not answer now."""
        self._table.pump()
        return () if self._table.connected else (self._table.name,)

    def subscribe(self, timeout: float) -> Columns:
        """Have every new update sent; the columns of the table that is there already, which is not among `blocks`.

        Raises RefusedError: PV_TIMEOUT, or BAD_FRAME if the PV holds something else than a table that can be recorded.
        """
        baseline = self._table.subscribe(timeout, _QUEUE, self.unconnected)
        self._number = 0
        try:
            return self._columns(baseline)
        except UnusableFrameError as problem:
            self.unsubscribe()
            raise RefusedError(
                f"The PV {self._config.pv} of detector {self._config.name} cannot be recorded: {problem}.",
                code="BAD_FRAME",
                value=self._config.pv,
                remedy="Name an NTTable whose columns are numbers, booleans or texts in the configuration.",
            ) from problem

    def unsubscribe(self) -> None:
        """Have no more updates sent, stay connected."""
        self._table.unsubscribe()

    def disconnections(self) -> int:
        """How often the table went away since `subscribe`; told before the updates that came after."""
        return self._table.disconnections

    def was_full(self) -> bool:
        """Whether so many updates waited that others may have been lost; while `blocks` gives them."""
        return self._table.was_full

    def blocks(self) -> Iterator[Block]:
        """The updates that have come, a few at most. Raises UnusableFrameError."""
        self._wake.clear()
        self._table.pump()
        for _ in range(_BATCH):
            value = self._table.pop()
            if value is None:
                return
            block = self._block(value)
            self._number += 1
            yield block
        self._wake.signal()

    def _columns(self, value: Value) -> Columns:
        if not value.getID().startswith(_NTTABLE):
            raise UnusableFrameError(f"it holds {value.getID()}, which is no NTTable")
        kinds: list[tuple[str, Any]] = value["value"].type().aspy()[2]
        labels = list(value["labels"])
        labels = labels if len(labels) == len(kinds) else [name for name, _ in kinds]
        if not kinds:
            raise UnusableFrameError("its table has no columns")
        return Columns(
            tuple(
                Column(name, self._dtype(name, kind), label) for (name, kind), label in zip(kinds, labels, strict=True)
            )
        )

    def _dtype(self, name: str, kind: Any) -> str:
        if kind == _TEXT:
            return f"|S{self._config.text_bytes}"
        if not isinstance(kind, str) or kind not in _DTYPES:
            raise UnusableFrameError(f"its column {name} holds neither numbers nor texts")
        return _DTYPES[kind]

    def _block(self, value: Value) -> Block:
        received = time.time_ns()
        form = self._columns(value)
        columns = value["value"]
        values = tuple(self._values(column, columns[column.name]) for column in form.columns)
        if len({len(column) for column in values}) > 1:
            lengths = ", ".join(f"{c.name} {len(v)}" for c, v in zip(form.columns, values, strict=True))
            raise UnusableFrameError(f"its columns have different lengths: {lengths}")
        stamp = 0
        if value.has("timeStamp"):
            stamp = value["timeStamp.secondsPastEpoch"] * _NS + value["timeStamp.nanoseconds"]
        return Block(form, self._number, stamp or received, received, values)

    def _values(self, column: Column, content: Any) -> NDArray:
        dtype = np.dtype(column.dtype)
        if dtype.kind != "S":
            return np.asarray(content, dtype)
        texts: list[bytes] = [text.encode() for text in content]
        longest = max(map(len, texts), default=0)
        if longest > dtype.itemsize:
            raise UnusableFrameError(
                f"a text in its column {column.name} has {longest} bytes, text_bytes is {dtype.itemsize}"
            )
        return np.array(texts, dtype)
