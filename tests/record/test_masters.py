"""Masters are written by a process of their own, which may die at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import h5py
import pytest

from beamsession.model.completeness import Completeness
from beamsession.model.data_layout import OWN_LAYOUT
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record import masters as masters_module
from beamsession.record.masters import Masters
from frozen import freeze, thaw
from recorder_rig import wait_until

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


KNOWN = Completeness(detector="cam", received=9, written=7, dropped_by_detector=1)


def data_file(folder: Path, ids: list[int]) -> Path:
    path = folder / "run_0001_cam.h5"
    with h5py.File(path, "w", libver="v110") as file:
        file[OWN_LAYOUT.data] = [[0]] * len(ids)
        file[OWN_LAYOUT.unique_id or ""] = ids
    return path


def test_a_broken_data_file_is_counted_in_that_process(masters: Masters, tmp_path: Path) -> None:
    found = masters.salvage(data_file(tmp_path, [1, 2, 3, 5]), 5.0, OWN_LAYOUT, KNOWN)
    assert (found.problem, found.account.written, found.account.missing) == ("", 4, 3)
    assert found.account.dropped_by_detector == 1


def test_a_file_that_ends_or_freezes_the_process_leaves_the_account_and_is_told(
    masters: Masters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data_file(tmp_path, [1, 2])
    masters.salvage(path, 5.0, OWN_LAYOUT, KNOWN)
    monkeypatch.setattr(masters_module, "_COUNT_S", 0.5)
    frozen = masters.pids()["scribe"]
    freeze(frozen)
    found = masters.salvage(path, 0.0, OWN_LAYOUT, KNOWN)
    assert found.account == KNOWN
    assert found.problem.startswith(f"{path} could not be looked at: The process scribe")
    monkeypatch.undo()
    assert masters.salvage(path, 5.0, OWN_LAYOUT, KNOWN).problem == ""  # by another process
    assert masters.pids()["scribe"] != frozen


def test_a_process_that_dies_while_it_counts_is_replaced_once(masters: Masters, tmp_path: Path) -> None:
    path = data_file(tmp_path, [1, 2, 3])
    masters.salvage(path, 5.0, OWN_LAYOUT, KNOWN)
    victim = masters.pids()["scribe"]
    freeze(victim)
    problems: list[str] = []
    asking = threading.Thread(
        target=lambda: problems.append(masters.salvage(path, 5.0, OWN_LAYOUT, KNOWN).problem), daemon=True
    )
    asking.start()
    os.kill(victim, signal.SIGKILL)
    thaw(victim)
    asking.join(60)
    assert problems == [""]
    wait_until("it is another", lambda: masters.pids()["scribe"] != victim)


def test_the_recorders_own_process_has_no_hdf5() -> None:
    engines = ("streaming", "external.detector", "tables.recorder", "readings.recorder")
    imports = [*(f"beamsession.record.{engine}" for engine in engines), "beamsession.servers.recorder.main"]
    program = f"import sys, {', '.join(imports)}; print(sorted({{'h5py', 'hdf5plugin'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
