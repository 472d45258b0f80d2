"""Thousands of PVs are connected and described side by side, and each of their values is in the table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from os import environ
from pathlib import Path

import numpy as np
import pytest

from beamsession.model.errors import RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import Problem
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.readings.table import read_table
from beamsim.loopback import Loopback, Server
from recorder_rig import wait_until

PVS = 2000
PREFIX = "MANY:"
IOC = Path(__file__).parent.parent / "benchmarks" / "counter_ioc.py"


@contextmanager
def counters(environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    process = subprocess.Popen(
        [sys.executable, IOC, PREFIX, str(PVS), "20"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ | environment,
    )
    assert process.stdin
    assert process.stdout
    lines, answers = process.stdin, process.stdout

    def ask(line: str) -> str:
        print(line, file=lines, flush=True)
        return answers.readline()

    try:
        assert answers.readline() == "ready\n"
        yield ask
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def ioc(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    loopback = Loopback.choose()
    for name, value in loopback.client_environment().items():
        monkeypatch.setenv(name, value)
    with counters(loopback.server_environment(Server.SOFT_IOC)) as ask:
        yield ask


def make_plan(folder: Path, run: int = 1, timeout: float = 20.0) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="id99", session_id=1, run_number=run),
        data_root=folder.parent,
        folder=folder,
        session=SessionFacts(id=1, name="test", start=datetime.now(UTC)),
        instrument=InstrumentFacts(name="id99"),
        connect_timeout_s=timeout,
    )


def readings(count: int) -> tuple[ReadingConfig, ...]:
    return tuple(ReadingConfig(name=f"pv_{place}", pv=f"{PREFIX}{place:05d}") for place in range(count))


def test_every_value_of_every_pv_is_in_the_table(ioc: Callable[[str], str], tmp_path: Path) -> None:
    recorder = ReadingsRecorder(readings(PVS), ())
    try:
        wait_until("all are connected", lambda: recorder.check() == ())
        plan = make_plan(tmp_path)
        recorder.prepare(plan)
        posted = int(ioc("run 6000 1"))
        wait_until("all values are in the table", lambda: recorder.count == PVS + posted)
        recorder.stop()
        series = read_table(plan.readings_file)
        last = [int(value) for value in ioc("values").split()]
        assert [item.values[-1] for item in series] == last
        for item in series:
            assert (np.diff(item.values) == 1).all()
            assert (np.diff(item.times) > 0).all()
            assert item.column.units == "V"

        def described() -> bool:
            nonlocal plan
            plan = make_plan(tmp_path, plan.key.run_number + 1)
            recorder.prepare(plan)
            recorder.stop()
            found = [item.column.description for item in read_table(plan.readings_file)]
            return found == [f"counter {place}" for place in range(PVS)]

        wait_until("all are described", described, patience_s=150)
    finally:
        recorder.shutdown()


def test_of_many_silent_pvs_the_first_are_named_and_all_are_counted(ioc: Callable[[str], str], tmp_path: Path) -> None:
    recorder = ReadingsRecorder((*readings(3), *readings_of_nobody(50)), ())
    try:
        problems = wait_until("those that answer are connected", lambda: named(recorder, "none00000", 21))
        assert "MANY:none00000" in problems[0].sentence
        assert problems[-1].sentence == "30 more PVs cannot be recorded either."
        with pytest.raises(RefusedError, match="49 more PVs cannot be recorded either"):
            recorder.prepare(make_plan(tmp_path, timeout=0.5))
    finally:
        recorder.shutdown()


def named(recorder: ReadingsRecorder, first: str, count: int) -> tuple[Problem, ...] | None:
    problems = recorder.check()
    return problems if len(problems) == count and first in problems[0].sentence else None


def readings_of_nobody(count: int) -> tuple[ReadingConfig, ...]:
    return tuple(ReadingConfig(name=f"none_{place}", pv=f"{PREFIX}none{place:05d}") for place in range(count))
