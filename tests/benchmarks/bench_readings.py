"""Values of ten thousand scalar PVs a second that reach the table without a loss, against callbacks that only count.

Each PV is a counter of a real IOC; a lost value is a gap in its series. IOC, reference and product share one machine,
and both are measured in the same minutes, rung by rung.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from beamsession.model.clock import utc_now
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.readings.table import read_table
from beamsim.loopback import Loopback, Server
from rows import Load, load_of, row

PVS = 10_000
PREFIX = "BENCH:"
RATES = (10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 120_000)
SECONDS = 4.0
GOAL = 0.7
_GROUPS = 100
_TRIES = 2
_QUIET_S = 1.0
_LOOK_S = 0.02


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    loopback = Loopback.choose()
    os.environ.update(loopback.client_environment())
    with talking("counter_ioc.py", str(_GROUPS), env=loopback.server_environment(Server.SOFT_IOC)) as ask_ioc:
        with talking("counting_callbacks.py") as ask_counter:
            counted = _ladder(lambda rate: _count(ask_ioc, ask_counter, rate))
        with tempfile.TemporaryDirectory() as folder:
            recorded, load = _recorded(ask_ioc, Path(folder))
    return [
        row("readings_of_10000_pvs_to_table", recorded, counted, GOAL, load, unit="values/s"),
        row("pyepics_counting_callbacks", counted, counted, None, unit="values/s"),
    ]


def _ladder(attempt: Callable[[float], float]) -> float:
    """The highest rate without a loss, as it really was: what queues on the way is waited for.

    The ladder ends with the first rung that loses twice.
    """
    best = 0.0
    for rate in RATES:
        reached = next((true for true in (attempt(rate) for _ in range(_TRIES)) if true), 0.0)
        if not reached:
            break
        best = max(best, reached)
    return best


def _count(ask_ioc: Callable[[str], str], ask_counter: Callable[[str], str], rate: float) -> float:
    """Values per second, from the first posted to the last counted; 0 if one was lost."""
    ask_counter("")
    begin, posted = _post(ask_ioc, rate)
    came, last = ask_counter("").split()
    return posted / (float(last) - begin) if int(came) == posted else 0.0


def _recorded(ask_ioc: Callable[[str], str], folder: Path) -> tuple[float, Load]:
    readings = tuple(ReadingConfig(name=f"pv_{place:05d}", pv=f"{PREFIX}{place:05d}") for place in range(PVS))
    recorder = ReadingsRecorder(readings, ())
    try:
        while recorder.check():
            time.sleep(0.1)
        pid = recorder.pids()["readings"]
        before = load_of(pid)
        runs = iter(range(1, 1000))
        best = _ladder(lambda rate: _record(recorder, ask_ioc, rate, _plan(folder, next(runs))))
        return best, load_of(pid).since(before)
    finally:
        recorder.shutdown()


def _record(recorder: ReadingsRecorder, ask_ioc: Callable[[str], str], rate: float, plan: RunPlan) -> float:
    """Values per second, from the first posted to the last in the table; 0 if one is not there."""
    recorder.prepare(plan)
    begin, posted = _post(ask_ioc, rate)
    count, last = recorder.count, time.monotonic()
    while (now := time.monotonic()) - last < _QUIET_S:
        if count != recorder.count:
            count, last = recorder.count, now
        time.sleep(_LOOK_S)
    recorder.stop()
    series = read_table(plan.readings_file)
    plan.readings_file.unlink()
    whole = all((np.diff(item.values) == 1).all() for item in series)
    return posted / (last - begin) if whole and recorder.count == posted + PVS else 0.0


def _post(ask_ioc: Callable[[str], str], rate: float) -> tuple[float, int]:
    """Have the counters count: when they began, and by how much they have, all together."""
    before = np.array(ask_ioc("values").split(), np.int64)
    begin = time.monotonic()
    done = int(ask_ioc(f"run {rate} {SECONDS}"))
    # Records process in threads of their own, which may be behind.
    while (posted := int((np.array(ask_ioc("values").split(), np.int64) - before).sum())) < done:
        time.sleep(_LOOK_S)
    return begin, posted


def _plan(folder: Path, number: int) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="bench", session_id=1, run_number=number),
        data_root=folder,
        folder=folder,
        session=SessionFacts(id=1, name="bench", start=utc_now()),
        instrument=InstrumentFacts(name="bench"),
        connect_timeout_s=20.0,
    )


@contextmanager
def talking(script: str, *more: str, env: dict[str, str] | None = None) -> Iterator[Callable[[str], str]]:
    """A program of this folder over our PVs, which answers each line with a line."""
    command = [sys.executable, str(Path(__file__).with_name(script)), PREFIX, str(PVS), *more]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | (env or {})
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines, answers = process.stdin, process.stdout

    def ask(line: str) -> str:
        print(line, file=lines, flush=True)
        return answers.readline()

    try:
        if answers.readline() != "ready\n":
            raise RuntimeError(f"{script} does not start")
        yield ask
    finally:
        process.kill()
        process.communicate()
