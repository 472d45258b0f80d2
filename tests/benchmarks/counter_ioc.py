"""Thousands of scalar PVs that count: an IOC whose records a clock processes at a chosen rate.

`python counter_ioc.py PREFIX COUNT GROUPS` serves `PREFIX00000` … over Channel Access. Each record adds one to its
value when its group's event is posted, in EPICS' own threads; whoever misses a value sees a gap. It reads lines from
stdin: `run RATE SECONDS` has the records of all groups process in turns, RATE of them a second together, and answers
with the number that were; `values` answers with the present value of each record.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import time
from pathlib import Path

from epicscorelibs.ioc import dbCore
from softioc import builder, softioc
from softioc.asyncio_dispatcher import AsyncioDispatcher

_DOUBLE = 10  # DBR_DOUBLE of dbFldTypes.h
_ADDRESS_BYTES = 256


class Counters:
    """The records, by number; group `g` has each record whose number is `g` modulo the number of groups."""

    def __init__(self, prefix: str, count: int, groups: int) -> None:
        self._names = [f"{prefix}{number:05d}" for number in range(count)]
        self._groups = groups
        self._next = 0
        self._load()

    def _load(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "counters.db"
            path.write_text("".join(self._record(number) for number in range(len(self._names))), encoding="utf-8")
            softioc.dbLoadDatabase(str(path))
        builder.LoadDatabase()
        softioc.iocInit(AsyncioDispatcher())
        handle = dbCore.eventNameToHandle
        handle.argtypes, handle.restype = (ctypes.c_char_p,), ctypes.c_void_p
        dbCore.postEvent.argtypes = (ctypes.c_void_p,)
        self._events = [handle(b"g%d" % group) for group in range(self._groups)]

    def _record(self, number: int) -> str:
        return (
            f'record(calc, "{self._names[number]}") {{ field(CALC, "VAL+1") field(VAL, "0") field(PINI, "YES") '
            f'field(SCAN, "Event") field(EVNT, "g{number % self._groups}") field(EGU, "V") '
            f'field(DESC, "counter {number}") field(TSE, "0") }}\n'
        )

    def run(self, rate: float, seconds: float) -> int:
        """Post the groups' events, evenly; how many records were processed by them."""
        each = len(self._names) // self._groups
        begin, done = time.perf_counter(), 0
        while (now := time.perf_counter() - begin) < seconds:
            while done < now * rate / each:
                dbCore.postEvent(self._events[self._next])
                self._next = (self._next + 1) % self._groups
                done += 1
            time.sleep(0.0005)
        return done * each

    def values(self) -> list[int]:
        """As the records hold them at this moment."""
        address, value = ctypes.create_string_buffer(_ADDRESS_BYTES), ctypes.c_double()
        found: list[int] = []
        for name in self._names:
            assert dbCore.dbNameToAddr(name.encode(), address) == 0
            assert dbCore.dbGetField(address, _DOUBLE, ctypes.byref(value), None, None, None) == 0
            found.append(int(value.value))
        return found


def main() -> None:
    """Serve until the end of standard input."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    counters = Counters(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    answers.write("ready\n")
    for line in sys.stdin:
        match line.split():
            case ["run", rate, seconds]:
                answers.write(f"{counters.run(float(rate), float(seconds))}\n")
            case ["values"]:
                answers.write(f"{' '.join(map(str, counters.values()))}\n")
            case other:
                raise ValueError(f"unknown command {other}")


main()
