"""Masters are written by a process of their own, which may die at any time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import h5py
import pytest

from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.masters import Masters

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
READINGS = (ReadingConfig(name="current", pv="X:Current", units="mA"),)


@pytest.fixture(scope="module")
def masters() -> Iterator[Masters]:
    made = Masters(READINGS, eager=True)
    yield made
    made.shutdown(10)


def plan_in(folder: Path, readings: tuple[ReadingConfig, ...] = ()) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="i", session_id=1, run_number=1),
        data_root=folder,
        folder=folder,
        session=SessionFacts(id=1, name="s", start=START),
        instrument=InstrumentFacts(name="i"),
        readings=readings,
    )


def close(masters: Masters, plan: RunPlan) -> tuple[str, ...]:
    report = RunReport(key=plan.key, state=RunState.COMPLETED, start=START, stop=START)
    return masters.close(plan, report, constants_start={}, constants_end={})


def state_in(path: Path) -> str:
    with h5py.File(path) as file:
        state = file["entry/run/state"]
        assert isinstance(state, h5py.Dataset)
        return str(state.asstr()[()])


def test_a_process_that_was_killed_during_a_run_is_replaced_at_its_end(masters: Masters, tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    masters.start(plan, start=START, constants={})
    assert state_in(plan.master) == "RECORDING"
    os.kill(masters.pids()["scribe"], signal.SIGKILL)
    close(masters, plan)
    assert state_in(plan.master) == "COMPLETED"


def test_a_fault_of_the_disk_is_told_and_costs_only_that_master(masters: Masters, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as refused:
        masters.start(plan_in(tmp_path / "gone"), start=START, constants={})
    assert refused.value.code == "MASTER_NOT_WRITTEN"
    assert "No such file" in refused.value.sentence
    plan = plan_in(tmp_path)
    masters.start(plan, start=START, constants={})
    assert state_in(plan.master) == "RECORDING"


def test_a_master_that_exists_is_refused_and_not_touched(masters: Masters, tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    plan.master.write_text("mine")
    with pytest.raises(RefusedError) as refused:
        masters.start(plan, start=START, constants={})
    assert refused.value.code == "FILE_EXISTS"
    assert plan.master.read_text() == "mine"


@pytest.mark.parametrize("readings", [READINGS, (ReadingConfig(name="former", pv="X:Former"),)])
def test_readings_of_this_and_of_a_former_configuration_are_written(
    masters: Masters, tmp_path: Path, readings: tuple[ReadingConfig, ...]
) -> None:
    plan = plan_in(tmp_path, readings)
    masters.start(plan, start=START, constants={})
    assert any("readings are not there" in complaint for complaint in close(masters, plan))
