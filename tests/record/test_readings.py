"""Scalar PVs are recorded with their own time stamps, and a PV or a process that is gone is told, not hidden."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.errors import RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ConstantConfig, Protocol, ReadingConfig
from beamsession.record.lockfile import LockFile
from beamsession.record.mend import mend
from beamsession.record.readings.reading import Severity
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.readings.table import Column, Series, read_table
from scalar_ioc import PREFIX, ScalarIoc

MOTOR = ReadingConfig(name="motor", pv=f"{PREFIX}MOTOR", axis=True)
MODE = ReadingConfig(name="mode", pv=f"{PREFIX}MODE", source=Protocol.PVA)
COUNT = ReadingConfig(name="count", pv=f"{PREFIX}COUNT", units="photons")
OVER_PVA = ReadingConfig(name="motor_pva", pv=f"{PREFIX}MOTOR", source=Protocol.PVA)
SHUTTER = ReadingConfig(name="shutter", pv=f"{PREFIX}MODE")
ENERGY = ConstantConfig(name="energy", pv=f"{PREFIX}ENERGY", path="/entry/instrument/monochromator/energy")
TEXT = ConstantConfig(name="text", pv=f"{PREFIX}TEXT", source=Protocol.PVA, path="/entry/instrument/text")
STATE = ConstantConfig(name="state", pv=f"{PREFIX}MODE", path="/entry/instrument/shutter/state")
EPICS = (Protocol.CA, Protocol.PVA)
ALL = (MOTOR, MODE, COUNT, OVER_PVA, SHUTTER)


@pytest.fixture(scope="module")
def shared_ioc() -> Iterator[ScalarIoc]:
    with ScalarIoc() as running:
        yield running


@pytest.fixture
def ioc(shared_ioc: ScalarIoc, monkeypatch: pytest.MonkeyPatch) -> ScalarIoc:
    for name, value in shared_ioc.environment.items():
        monkeypatch.setenv(name, value)
    shared_ioc.renew()
    return shared_ioc


@pytest.fixture
def make_recorder(ioc: ScalarIoc) -> Iterator[Callable[..., ReadingsRecorder]]:
    made: list[ReadingsRecorder] = []

    def make(readings: tuple[ReadingConfig, ...], constants: tuple[ConstantConfig, ...] = ()) -> ReadingsRecorder:
        made.append(ReadingsRecorder(readings, constants))
        return made[-1]

    yield make
    for recorder in made:
        recorder.shutdown()


def make_plan(folder: Path, run: int = 1, timeout: float = 20.0) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="id99", session_id=1, run_number=run),
        data_root=folder.parent,
        folder=folder,
        session=SessionFacts(id=1, name="test", start=datetime.now(UTC)),
        instrument=InstrumentFacts(name="id99"),
        connect_timeout_s=timeout,
    )


def wait_until(condition: Callable[[], Any], what: str, limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit} s: {what}"
        time.sleep(0.02)


def series_of(recorder: ReadingsRecorder) -> dict[str, Series]:
    path = recorder.data_file()
    assert path is not None
    return {item.column.name: item for item in read_table(path)}


def test_values_come_with_their_own_time_stamps_the_present_one_first(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    ioc.set("MOTOR", 2.5)
    recorder = make_recorder(ALL)
    recorder.prepare(make_plan(tmp_path))
    began = time.time_ns()
    for position in (3.0, 3.5, 4.0):
        ioc.set("MOTOR", position)
        time.sleep(0.01)  # Two posts in one instant are one to a CA monitor.
    ioc.set("MODE", 0)
    wait_until(lambda: recorder.count >= 5 + 3 + 3 + 2, "all updates are in the table")
    recorder.stop()

    series = series_of(recorder)
    for name in ("motor", "motor_pva"):
        assert series[name].values.tolist() == [2.5, 3.0, 3.5, 4.0]
        assert series[name].times[0] < began
        assert (series[name].times[1:] >= began).all()
        assert (np.diff(series[name].times) > 0).all()
        assert series[name].severities.tolist() == [0, 0, 0, 0]
    assert series["motor"].times.tolist() == series["motor_pva"].times.tolist()
    assert series["mode"].values.tolist() == series["shutter"].values.tolist() == [1, 0]
    assert series["count"].values.tolist() == [7]


def test_the_table_says_what_its_columns_are(make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path) -> None:
    recorder = make_recorder(ALL)
    columns: dict[str, Column] = {}
    for run in range(1, 20):
        recorder.prepare(make_plan(tmp_path, run))
        recorder.stop()
        columns = {name: item.column for name, item in series_of(recorder).items()}
        if columns["motor"].description:  # It comes by another channel, for which no run waits.
            break
    assert columns["motor"].units == columns["motor_pva"].units == "mm"
    assert columns["motor"].pv == f"{PREFIX}MOTOR"
    assert columns["motor_pva"].description == columns["motor"].description == "sample position"
    assert columns["count"].units == "photons"
    assert columns["mode"].labels == columns["shutter"].labels == ("closed", "open")


def test_alarms_and_a_pv_that_disconnects_are_in_the_table(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((MOTOR, OVER_PVA))
    recorder.prepare(make_plan(tmp_path))
    ioc.set("MOTOR", 9.0, Severity.MAJOR)
    wait_until(lambda: recorder.count >= 4, "the alarm is in the table")
    ioc.kill()
    wait_until(lambda: recorder.count >= 6, "the disconnection is in the table", limit=60)
    ioc.restart()
    wait_until(lambda: recorder.count >= 8, "the value after the restart is in the table", limit=90)
    recorder.stop()
    for item in series_of(recorder).values():
        assert item.severities.tolist()[:3] == [Severity.NONE, Severity.MAJOR, Severity.INVALID]
        assert np.array_equal(item.values[:4], [1.5, 9.0, np.nan, 1.5], equal_nan=True)


def test_the_table_can_be_followed_while_it_is_written(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((MOTOR,))
    recorder.prepare(make_plan(tmp_path))
    path = recorder.data_file()
    assert path is not None
    assert LockFile.is_held(path)
    with h5py.File(path, "r", swmr=True) as file:
        values: Any = file["/entry/readings/value"]
        assert values[:].tolist() == [1.5]
        ioc.set("MOTOR", 2.0)

        def grown() -> bool:
            values.refresh()
            return len(values) == 2

        wait_until(grown, "the reader sees the next value")
        assert values[:].tolist() == [1.5, 2.0]
    recorder.stop()
    assert not LockFile.is_held(path)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_constants_are_read_at_start_and_at_end_with_units(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((), (ENERGY, TEXT, STATE))
    at_start = recorder.prepare(make_plan(tmp_path))
    ioc.set("ENERGY", 13.0)
    at_end = recorder.stop()
    assert (at_start["energy"].value, at_start["energy"].units) == (12.4, "keV")
    assert at_start["text"].value == "hello"
    assert at_start["state"].value == "open"
    assert at_end["energy"].value == 13.0
    assert at_end["energy"].time > at_start["energy"].time
    assert recorder.data_file() is None
    assert list(tmp_path.iterdir()) == []


def test_a_silent_pv_refuses_the_run_by_name_and_leaves_nothing(
    make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    absent = ReadingConfig(name="pressure", pv=f"{PREFIX}NOTHING")
    recorder = make_recorder((MOTOR, absent))
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(make_plan(tmp_path, timeout=1.0))
    assert refusal.value.code == "PV_TIMEOUT"
    assert refusal.value.value == f"{PREFIX}NOTHING"
    assert "readings.pressure.pv" in refusal.value.remedy
    assert list(tmp_path.iterdir()) == []
    assert recorder.data_file() is None


def test_a_silent_constant_refuses_the_run_too(make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path) -> None:
    silent = tuple(
        ConstantConfig(name=f"none_{source}", pv=f"{PREFIX}NOTHING", source=source, path="/entry/instrument/none")
        for source in EPICS
    )
    recorder = make_recorder((), silent)
    assert [problem.code for problem in recorder.check()] == ["PV_TIMEOUT", "PV_TIMEOUT"]
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(make_plan(tmp_path, timeout=1.0))
    assert refusal.value.code == "PV_TIMEOUT"


@pytest.mark.parametrize("source", EPICS)
@pytest.mark.parametrize("name", ["TEXT", "ARRAY"])
def test_what_is_no_number_is_refused(
    make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path, name: str, source: Protocol
) -> None:
    recorder = make_recorder((ReadingConfig(name="wrong", pv=f"{PREFIX}{name}", source=source),))
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(make_plan(tmp_path))
    assert refusal.value.code == "READING_NOT_A_NUMBER"
    assert [problem.code for problem in recorder.check()] == ["READING_NOT_A_NUMBER"]
    assert list(tmp_path.iterdir()) == []


def test_an_existing_table_is_never_overwritten(make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path) -> None:
    recorder = make_recorder((MOTOR,))
    plan = make_plan(tmp_path)
    plan.readings_file.write_bytes(b"precious")
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(plan)
    assert refusal.value.code == "FILE_EXISTS"
    assert plan.readings_file.read_bytes() == b"precious"
    assert recorder.check() == ()


def test_a_killed_process_is_told_its_table_mended_and_the_next_run_recorded(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((MOTOR,), (ENERGY,))
    plan = make_plan(tmp_path)
    recorder.prepare(plan)
    ioc.set("MOTOR", 2.0)
    wait_until(lambda: recorder.count == 2, "both values are flushed")
    os.kill(recorder.pids()["readings"], signal.SIGKILL)
    wait_until(lambda: recorder.failure, "the failure is told")
    assert "signal 9" in recorder.failure
    assert recorder.stop() == {}
    assert mend(plan.readings_file).needed
    assert series_of(recorder)["motor"].values.tolist() == [1.5, 2.0]

    recorder.prepare(make_plan(tmp_path, run=2))
    recorder.stop()
    assert recorder.failure == ""
    assert series_of(recorder)["motor"].values.tolist() == [2.0]


def test_a_disk_that_takes_no_more_is_told_and_what_was_flushed_is_kept(
    ioc: ScalarIoc, make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((MOTOR,), (ENERGY,))
    plan = make_plan(tmp_path)
    recorder.prepare(plan)
    size = plan.readings_file.stat().st_size
    resource.prlimit(recorder.pids()["readings"], resource.RLIMIT_FSIZE, (size, size))
    for position in range(5000):  # Two chunks of rows: the second needs room in the file.
        ioc.set("MOTOR", position)
        if recorder.failure:
            break
    wait_until(lambda: recorder.failure, "the failure is told")
    written = recorder.count
    assert recorder.stop()["energy"].value == 12.4
    assert "could not be written" in recorder.failure
    mend(plan.readings_file)
    assert len(series_of(recorder)["motor"].values) >= written

    recorder.prepare(make_plan(tmp_path, run=2))
    recorder.stop()
    assert recorder.failure == ""
    assert len(series_of(recorder)["motor"].values) == 1


def test_a_recorder_that_is_shut_down_closes_its_table_in_order(
    make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder((MOTOR,))
    plan = make_plan(tmp_path)
    recorder.prepare(plan)
    recorder.shutdown()
    assert recorder.pids() == {}
    assert not mend(plan.readings_file).needed
    assert series_of(recorder)["motor"].values.tolist() == [1.5]


def test_connected_pvs_let_a_run_start_at_once(make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path) -> None:
    recorder = make_recorder(ALL, (ENERGY,))
    recorder.prepare(make_plan(tmp_path, 1))
    recorder.stop()
    process = recorder.pids()
    for run in range(2, 5):
        recorder.prepare(make_plan(tmp_path, run))
        recorder.stop()
        assert [item.values.tolist() for item in series_of(recorder).values()] == [[1.5], [1], [7], [1.5], [1]]
    assert recorder.pids() == process


def test_without_readings_and_constants_there_is_no_process(
    make_recorder: Callable[..., ReadingsRecorder], tmp_path: Path
) -> None:
    recorder = make_recorder(())
    assert recorder.check() == ()
    assert recorder.prepare(make_plan(tmp_path)) == {}
    assert recorder.stop() == {}
    assert recorder.pids() == {}
