"""A row of the benchmarks' table, and what processes took of the machine."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Load:
    """What processes took: CPU seconds together, and the sum of their largest resident memories."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0

    def since(self, before: Load) -> Load:
        """The CPU time from there to here; the memory is the largest ever."""
        return Load(self.cpu_s - before.cpu_s, self.peak_mib)


def load_of(*pids: int) -> Load:
    """Of living processes."""
    return Load(sum(_cpu_seconds(pid) for pid in pids), sum(_peak_mib(pid) for pid in pids))


def family_cpu_s() -> float:
    """CPU seconds of this process and of all that live below it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
        family |= more
    return sum(_cpu_seconds(pid) for pid in family)


def row(
    name: str,
    value: float,
    reference: float,
    goal: float | None,
    load: Load | None = None,
    *,
    unit: str = "frames/s",
    higher_is_better: bool = True,
) -> dict[str, Any]:
    """A row of the table; one without a goal is a reference or a figure for itself."""
    load = load or Load()
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "reference": round(reference, 3),
        "ratio": round(value / reference, 3) if reference else None,
        "goal": goal,
        "higher_is_better": higher_is_better,
        "cpu_s": round(load.cpu_s, 2),
        "peak_mib": round(load.peak_mib, 1),
    }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
