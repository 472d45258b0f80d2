"""Tables are recorded update by update: real PVA server, real process, real files."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.data_layout import TABLE_LAYOUT
from beamsession.model.detector import TableDetector
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import FileRules, RunPlan
from beamsession.model.states import RunState
from beamsession.record.kinds import detector_of
from beamsession.record.lockfile import LockFile, lock_path
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.salvage import salvage
from beamsession.record.tables import recorder
from beamsession.record.tables.block import Column, Columns
from beamsession.record.tables.filling import Filling
from beamsession.record.tables.orders import Prepare
from beamsession.record.tables.recorder import TableRecorder
from beamsession.record.tables.tablefile import stored_names
from frame_server import run_plan, stored, wait_until
from frozen import freeze, thaw
from table_server import COLUMNS, TableServer

TABLE = TableDetector(name="scan", pv="TAB:Table", title="fast scan", units_of={"position": "mm"})


@pytest.fixture(scope="module")
def module_server() -> Iterator[TableServer]:
    server = TableServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def environment(module_server: TableServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_server.client_environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def shared_table(environment: None) -> Iterator[TableRecorder]:
    table = TableRecorder(TABLE)
    yield table
    table.shutdown()


@pytest.fixture
def server(module_server: TableServer) -> TableServer:
    if module_server.columns != COLUMNS:
        module_server.reopen(COLUMNS, [0.0], [0], [False], ["old"])
    return module_server


@pytest.fixture
def table(server: TableServer, shared_table: TableRecorder) -> Iterator[TableRecorder]:
    wait_until("the table is connected", lambda: not shared_table.check())
    yield shared_table
    if shared_table.data_file() is not None:
        finish(shared_table, drain=False)


def begin(table: TableRecorder, plan: RunPlan) -> Path:
    table.prepare(plan)
    table.arm()
    path = table.data_file()
    assert path is not None
    return path


def wait_written(table: TableRecorder, updates: int) -> None:
    wait_until(f"{updates} updates are written", lambda: _written(table) >= updates)


def _written(table: TableRecorder) -> int:
    progress = table.progress()
    assert not progress.failure
    return progress.account.written


def finish(table: TableRecorder, *, drain: bool = True) -> Any:
    table.stop(drain=drain)
    wait_until("the file is closed", lambda: table.progress().closed)
    return table.progress()


def test_every_update_is_a_block_of_rows(table: TableRecorder, server: TableServer, tmp_path: Path) -> None:
    path = begin(table, run_plan(tmp_path))
    assert LockFile.is_held(path)
    before = time.time_ns()
    server.post([1.0, 1.5], [10, 11], [True, False], ["Łukasz", ""], time_ns=1_700_000_000_123_456_789)
    server.post([], [], [], [], time_ns=1_700_000_001_000_000_000)
    server.post([2.0], [2**32 - 1], [True], ["2θ"], time_ns=1_700_000_002_000_000_000)
    wait_written(table, 3)
    ended = finish(table)
    assert (ended.account.received, ended.account.written, ended.account.missing) == (3, 3, 0)
    assert (ended.failure, ended.account.expected) == ("", None)
    assert not lock_path(path).exists()
    with h5py.File(path, "r") as file:
        group = stored(file, "entry/data")
        assert group["position"][()].tolist() == [1.0, 1.5, 2.0]
        assert group["counts"][()].tolist() == [10, 11, 2**32 - 1]
        assert group["good"][()].tolist() == [True, False, True]
        assert group["who"].asstr()[()].tolist() == ["Łukasz", "", "2θ"]
        assert (group["counts"].dtype, group["good"].dtype) == (np.uint32, np.bool_)
        assert group["first_row"][()].tolist() == [0, 2, 2]
        assert group["unique_id"][()].tolist() == [0, 1, 2]
        assert group["time_stamp"][()].tolist() == [
            1_700_000_000_123_456_789, 1_700_000_001_000_000_000, 1_700_000_002_000_000_000,
        ]  # fmt: skip
        assert (group["receive_time"][()] >= before).all()


def test_the_file_plots_alone(table: TableRecorder, server: TableServer, tmp_path: Path) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0], [10], [True], ["a"])
    wait_written(table, 1)
    finish(table)
    with h5py.File(path, "r") as file:
        entry = stored(file, str(file.attrs["default"]))
        group = entry[entry.attrs["default"]]
        assert entry.attrs["title"] == "fast scan"
        assert group.attrs["NX_class"] == "NXdata"
        assert (group.attrs["signal"], list(group.attrs["auxiliary_signals"])) == ("position", ["counts"])
        assert (group["position"].attrs["units"], group["position"].attrs["long_name"]) == ("mm", "Position (mm)")
        assert group["who"].attrs["long_name"] == "Who"
        assert stored(file, TABLE_LAYOUT.data)[()].tolist() == [1.0]


def test_rows_are_seen_by_a_live_reader(table: TableRecorder, server: TableServer, tmp_path: Path) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0], [10], [True], ["a"])
    wait_written(table, 1)
    with h5py.File(path, "r", swmr=True) as file:
        position, who = stored(file, "entry/data/position"), stored(file, "entry/data/who")
        assert position[()].tolist() == [1.0]
        server.post([2.0, 3.0], [10, 11], [True, True], ["b", "c"])
        wait_written(table, 2)
        position.refresh()
        who.refresh()
        assert position[()].tolist() == [1.0, 2.0, 3.0]
        assert who.asstr()[()].tolist() == ["a", "b", "c"]


def test_an_update_of_one_column_is_recorded_with_the_others(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0, 2.0], [10, 11], [True, True], ["a", "b"])
    server.post_part(position=[3.0, 4.0])
    wait_written(table, 2)
    finish(table)
    with h5py.File(path, "r") as file:
        assert stored(file, "entry/data/position")[()].tolist() == [1.0, 2.0, 3.0, 4.0]
        assert stored(file, "entry/data/counts")[()].tolist() == [10, 11, 10, 11]


def test_updates_in_a_pause_are_neither_recorded_nor_missing(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    path = begin(table, run_plan(tmp_path))
    table.pause(time.time_ns())
    server.post([0.0], [0], [True], ["paused"])
    table.resume(time.time_ns())
    server.post([1.0], [0], [True], ["recorded"])
    wait_until("the update after the pause is there", lambda: "recorded" in texts_in(path))
    ended = finish(table)
    assert texts_in(path) == ["recorded"]
    assert (ended.account.written, ended.account.missing) == (1, 0)


def texts_in(path: Path) -> list[str]:
    with h5py.File(path, "r", swmr=True) as file:
        return list(stored(file, "entry/data/who").asstr()[()])


def test_updates_are_counted_on_where_that_is_configured(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    counted = TABLE.model_copy(update={"frames_factor": 2})
    path = begin(table, run_plan(tmp_path, frames=2, detectors=(counted,)))
    assert table.progress().account.expected == 4
    for number in range(6):
        server.post([float(number)], [number], [True], ["a"])
    wait_until("the table has had its number", lambda: table.progress().closed)
    assert (table.progress().account.written, table.progress().account.missing) == (4, 0)
    with h5py.File(path, "r") as file:
        assert stored(file, "entry/data/counts")[()].tolist() == [0, 1, 2, 3]


def test_updates_that_come_faster_than_they_are_taken_leave_a_doubt(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    begin(table, run_plan(tmp_path))
    server.post([1.0], [1], [True], ["a"])
    wait_written(table, 1)
    process = table.pids()["scan.table"]
    freeze(process)
    rows = 5_000  # so large that little of it waits on the way
    for number in range(400):
        server.post(np.zeros(rows), np.full(rows, number, np.uint32), np.zeros(rows, bool), ["b"] * rows)
    thaw(process)
    wait_until("it is told", lambda: table.progress().account.doubt)
    ended = finish(table).account
    assert ended.received <= 401
    assert ended.doubt == "updates may be missing: they came faster than they were taken"


def test_columns_that_change_end_the_run_with_what_is_there(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0], [1], [True], ["a"])
    wait_written(table, 1)
    server.reopen((("position", "ad"), ("angle", "ad")), [0.0], [0.0])
    positions = iter(range(10**6))

    def told() -> str:
        server.post([float(next(positions))], [2.0])
        return table.progress().failure

    assert "the table's columns changed from position <f8, counts <u4" in wait_until("the change is told", told)
    assert finish(table).account.written == 1
    with h5py.File(path, "r") as file:
        assert stored(file, "entry/data/position")[()].tolist() == [1.0]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([1.0], [1], [True], ["x" * 129]), "a text in its column who has 129 bytes, text_bytes is 128"),
        (([1.0, 2.0], [1], [True], ["x"]), "its columns have different lengths: position 2, counts 1"),
    ],
)
def test_an_update_that_does_not_fit_ends_the_run(
    columns: tuple[Any, ...], sentence: str, table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    begin(table, run_plan(tmp_path))
    server.post([1.0], [1], [True], ["a"])
    server.post(*columns)
    wait_until("it is told", lambda: table.progress().failure)
    assert sentence in table.progress().failure
    assert finish(table).account.written == 1


def test_a_pv_without_a_table_is_refused_and_leaves_nothing(
    server: TableServer, environment: None, tmp_path: Path
) -> None:
    refused = TableRecorder(TABLE.model_copy(update={"pv": "TAB:Number"}))
    try:
        with pytest.raises(RefusedError, match=r"it holds epics:nt/NTScalar:1\.0, which is no NTTable") as fault:
            refused.prepare(run_plan(tmp_path))
        assert (fault.value.code, bool(fault.value.remedy)) == ("BAD_FRAME", True)
        assert not list(tmp_path.iterdir())
    finally:
        refused.shutdown()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"signal": "who"}, "signal names the column who, which is no column of numbers"),
        ({"signal": "nothing"}, "signal names the column nothing, which it has not"),
        ({"units_of": {"nothing": "mm"}}, "units_of names the column nothing"),
    ],
)
def test_a_configuration_that_does_not_fit_the_table_is_refused(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    columns = Columns((Column("who", "|S8", "Who"), Column("position", "<f8", "Position")))
    filling = Filling(
        Prepare(path=tmp_path / "table.h5", title="t", rules=FileRules(file_mode=0o600), updates=None, timeout=1)
    )
    with pytest.raises(RefusedError, match=sentence) as refused:
        filling.create(TABLE.model_copy(update=changes), columns)
    assert refused.value.remedy
    filling.discard()
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_not_touched(table: TableRecorder, tmp_path: Path) -> None:
    plan = run_plan(tmp_path)
    plan.data_file("scan").write_text("mine")
    with pytest.raises(RefusedError, match="exists already"):
        table.prepare(plan)
    assert plan.data_file("scan").read_text() == "mine"


def test_what_is_not_written_is_dropped_by_an_abort(table: TableRecorder, server: TableServer, tmp_path: Path) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0], [1], [True], ["a"])
    wait_written(table, 1)
    ended = finish(table, drain=False)
    assert ended.account.written == 1
    with h5py.File(path, "r") as file:
        assert len(stored(file, "entry/data/position")) == 1


def test_a_disk_that_refuses_is_told_and_what_was_written_is_safe(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    path = begin(table, run_plan(tmp_path))
    server.post([1.0], [1], [True], ["a"])
    wait_written(table, 1)
    limit = path.stat().st_size
    resource.prlimit(table.pids()["scan.table"], resource.RLIMIT_FSIZE, (limit, limit))
    rows = 20_000

    def told() -> str:
        server.post(np.zeros(rows), np.zeros(rows, np.uint32), np.zeros(rows, bool), ["b"] * rows)
        return table.progress().failure

    assert "disk full" in wait_until("the disk's refusal is told", told)
    wait_until("the file is given up", lambda: table.progress().closed)
    wait_until("its process has ended", lambda: not LockFile.is_held(path))
    safe = table.progress().account.written
    assert safe >= 1
    assert salvage(path, 5.0).frames >= safe
    with h5py.File(path, "r") as file:
        assert stored(file, "entry/data/position")[0] == 1.0
    table.prepare(run_plan(tmp_path, 2))  # a new process takes the next run


def test_a_killed_process_ends_the_run_and_its_rows_can_be_read(
    server: TableServer, environment: None, tmp_path: Path
) -> None:
    config = TABLE
    recorder = Recorder(
        "tables", {"scan": partial(detector_of, config)}, partial(ReadingsRecorder, (), ()), tmp_path / "journal"
    )
    try:
        wait_until("it is up", lambda: "STARTING" not in {item.code for item in recorder.report().problems})
        plan = run_plan(tmp_path, detectors=(config,)).model_copy(update={"folder": tmp_path / "session"})
        recorder.prepare(plan)
        wait_until("it records", lambda: _state(recorder) is RunState.RECORDING)
        for number in range(3):
            server.post([number, number + 0.5], [number, number], [True, False], ["a", "b"])
        wait_until("all is written", lambda: (run := recorder.report().current) and run.written == 3)
        os.kill(recorder.report().pids["scan.table"], signal.SIGKILL)
        wait_until("the run has ended", lambda: recorder.report().finished)
        ended = recorder.report().finished[-1]
        assert ended.state is RunState.ABORTED
        assert "the process of the table scan died (signal 9)" in ended.reason
        assert (ended.accounts[0].written, ended.accounts[0].missing) == (3, 0)
        assert ended.check == ()
        assert ended.master is not None
        with h5py.File(ended.master, "r") as file:
            entry = stored(file, "entry")
            assert stored(file, f"entry/{entry.attrs['default']}/data")[()].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
            detector = entry["instrument/scan"]
            assert detector["first_row"][()].tolist() == [0, 2, 4]
            assert detector["columns/counts"][()].tolist() == [0, 0, 1, 1, 2, 2]
            assert detector["sequence_number"][()].tolist() == [0, 1, 2]
    finally:
        recorder.shutdown()


def _state(recorder: Recorder) -> RunState | None:
    current = recorder.report().current
    return None if current is None else current.state


def test_columns_named_like_ours_are_stored_under_other_names() -> None:
    assert stored_names(["a", "time_stamp", "time_stamp_column", "unique_id"]) == [
        "a", "time_stamp_column_column", "time_stamp_column", "unique_id_column",
    ]  # fmt: skip


def test_a_pause_after_the_last_declared_update_changes_nothing(
    table: TableRecorder, server: TableServer, tmp_path: Path
) -> None:
    begin(table, run_plan(tmp_path, frames=1))
    server.post([1.0], [1], [True], ["a"])
    wait_until("the file is closed", lambda: table.progress().closed)
    assert (table.pause(7), table.resume(8)) == (7, 8)
    ended = table.progress()
    assert (ended.failure, ended.account.written, ended.account.missing) == ("", 1, 0)


def test_an_order_that_is_not_answered_in_time_is_an_error(
    table: TableRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.prepare(run_plan(tmp_path))
    process = table.pids()["scan.table"]
    os.kill(process, signal.SIGSTOP)
    try:
        monkeypatch.setattr(recorder, "_ANSWER_S", 0.2)
        with pytest.raises(UnavailableError) as late:
            table.arm()
        assert late.value.code == "PROCESS_TIMEOUT"
    finally:
        os.kill(process, signal.SIGCONT)
