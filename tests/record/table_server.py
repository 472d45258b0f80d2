"""A PVA server inside the test with a table and a line of numbers, which posts exactly what a test wants."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from p4p import Value
from p4p.nt import NTScalar, NTTable
from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

COLUMNS = (("position", "ad"), ("counts", "aI"), ("good", "a?"), ("who", "as"))
_LINE = NTScalar("aH")
_LINE_ID = NTScalar("l")


class TableServer:
    """Serves TAB:Table, TAB:Line with TAB:LineId, and TAB:Number on ports of its own."""

    def __init__(self) -> None:
        self.columns: tuple[tuple[str, str], ...] = COLUMNS
        self._type = NTTable.buildType(list(COLUMNS))
        self.table = SharedPV(initial=self.value([0.0], [0], [False], ["old"]))
        self.line = SharedPV(nt=_LINE, initial=np.zeros(4, np.uint16))
        provider = StaticProvider("tables")
        for name, pv in (("Table", self.table), ("Line", self.line)):
            provider.add(f"TAB:{name}", pv)
        self.line_id = SharedPV(nt=_LINE_ID, initial=0)
        provider.add("TAB:LineId", self.line_id)
        provider.add("TAB:Number", SharedPV(nt=NTScalar("d"), initial=1.0))
        self._server = Server(providers=[provider], isolate=True)

    def client_environment(self) -> dict[str, str]:
        port = self._server.conf()["EPICS_PVAS_BROADCAST_PORT"]
        return {"EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_PVA_AUTO_ADDR_LIST": "NO"}

    def value(self, *columns: Any, time_ns: int | None = None) -> Value:
        """A whole table: the values of each column in turn."""
        names = [name for name, _ in self.columns]
        members: dict[str, Any] = {
            "labels": [name.capitalize() for name in names],
            "value": dict(zip(names, columns, strict=True)),
        }
        return Value(self._type, members | _stamp(time_ns))

    def post(self, *columns: Any, time_ns: int | None = None) -> None:
        self.table.post(self.value(*columns, time_ns=time_ns))

    def post_part(self, **columns: Any) -> None:
        """An update in which only these columns change."""
        changes = {f"value.{name}": values for name, values in columns.items()}
        self.table.post(Value(self._type, changes | _stamp(None)))

    def reopen(self, columns: tuple[tuple[str, str], ...], *values: Any) -> None:
        """The table goes away and comes back with other columns."""
        self.columns = columns
        self._type = NTTable.buildType(list(columns))
        self.table.close()
        self.table.open(self.value(*values))

    def post_line(self, numbers: NDArray, time_ns: int) -> None:
        self._post(self.line, _LINE.wrap(numbers), time_ns)

    def post_line_id(self, number: int, time_ns: int) -> None:
        self._post(self.line_id, _LINE_ID.wrap(number), time_ns)

    def _post(self, pv: SharedPV, value: Value, time_ns: int) -> None:
        for name, content in _stamp(time_ns).items():
            value[name] = content
        pv.post(value)

    def stop(self) -> None:
        self._server.stop()


def _stamp(time_ns: int | None) -> dict[str, int]:
    stamp = time.time_ns() if time_ns is None else time_ns
    return {"timeStamp.secondsPastEpoch": stamp // 10**9, "timeStamp.nanoseconds": stamp % 10**9}
