"""The master of a run can be plotted, says how the run ended, and is never half there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.completeness import Completeness, Gap
from beamsession.model.detector import Compression, PvaDetector
from beamsession.model.errors import RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import PauseInterval, RunReport
from beamsession.model.states import RunState
from beamsession.record.datafile import DataFile
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.nexus import check_nexus, close_master, start_master
from beamsession.record.nexus.seconds import nanoseconds
from beamsession.record.readings.board import ROW, Rows
from beamsession.record.readings.emptytable import EmptyTable
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.table import Column
from beamsession.record.readings.tablewriter import TableWriter

START = datetime(2026, 11, 21, 9, 30, 0, 250_000, tzinfo=UTC)
SHAPE = (4, 6)
FRAMES = 10


def make_plan(folder: Path, **changes: Any) -> RunPlan:
    plan = RunPlan(
        key=RunKey(instrument="id99", session_id=17, run_number=1),
        data_root=folder.parent,
        folder=folder,
        session=SessionFacts(
            id=17,
            name="ceria",
            title="Cerium oxide 2θ",
            proposal="p12345",
            user="Łukasz",
            start=START - timedelta(hours=1),
            metadata={"sample": "CeO2", "energy": {"value": 12.4, "unit": "keV"}},
        ),
        instrument=InstrumentFacts(name="id99", title="Powder diffraction", facility="Test ring"),
        title="first scan",
        metadata={"purpose": "alignment", "list": [1, 2.5], "mixed": [1, "a"], "deep/er": {"flag": True}},
        detectors=(PvaDetector(name="eiger", pv="X:Pva1:Image", title="Eiger 9M"),),
        readings=(
            ReadingConfig(name="theta", pv="X:m1.RBV", axis=True),
            ReadingConfig(name="current", pv="X:ring", units="mA", path="/entry/instrument/source/current"),
        ),
        constants=(
            ConstantConfig(name="energy", pv="X:mono", path="/entry/instrument/monochromator/energy"),
            ConstantConfig(name="filter", pv="X:filter", path="/entry/instrument/filter_1/material"),
        ),
    )
    return plan.model_copy(update=changes)


def constants(energy: float) -> dict[str, Reading]:
    return {
        "energy": Reading(value=energy, units="keV", time=START),
        "filter": Reading(value="Al", time=START),
    }


def write_frames(plan: RunPlan, frames: int = FRAMES) -> None:
    """The data file as the writer makes it: one frame each 100 ms, the first 50 ms after the start."""
    form = FrameFormat(SHAPE, "<u2") if frames else None
    file = DataFile(plan.data_file("eiger"), form, title="Eiger 9M", units="counts", compression=Compression.NONE)
    for number in range(frames):
        file.append(make_frame(form, number))
    file.close()


def make_frame(form: FrameFormat | None, number: int) -> Frame:
    assert form is not None
    stamp = nanoseconds(START) + 50_000_000 + number * 100_000_000
    pixels = np.full(np.prod(SHAPE), number, "<u2")
    return Frame(form, number + 100, stamp, stamp + 1_000_000, pixels.view("u1"))


def write_readings(plan: RunPlan, current_units: str | None = "mA") -> None:
    """theta moves by 0.1 deg every 100 ms from 1.0, current is there from a minute before."""
    columns = [
        Column(name="theta", pv="X:m1.RBV", units="deg", description="rotation"),
        Column(name="current", pv="X:ring", units=current_units),
    ]
    table = TableWriter(plan.readings_file, EmptyTable.of(columns), plan.rules)
    begin = nanoseconds(START)
    table.append(rows((0, begin - 10**9, 1.0, 0), (1, begin - 60 * 10**9, 200.0, 0)))
    table.append(rows(*[(0, begin + number * 100_000_000, 1.0 + number / 10, 0) for number in range(1, 11)]))
    table.close()


def rows(*lines: tuple[int, int, float, int]) -> Rows:
    return np.array(list(lines), ROW)


def make_report(plan: RunPlan, frames: int = FRAMES, **changes: Any) -> RunReport:
    account = Completeness(detector="eiger", expected=12, received=frames, written=frames, missing=2)
    report = RunReport(
        key=plan.key,
        state=RunState.INCOMPLETE,
        reason="eiger: 2 frames missing",
        start=START,
        stop=START + timedelta(seconds=2),
        accounts=(account.model_copy(update={"gaps": (Gap(first=104, last=105),)}),),
        pauses=(PauseInterval(start=START + timedelta(seconds=1), stop=START + timedelta(seconds=1.5)),),
    )
    return report.model_copy(update=changes)


def field(file: h5py.File, path: str) -> Any:
    """What a scalar or array dataset holds, texts as str."""
    dataset = file[path]
    assert isinstance(dataset, h5py.Dataset)
    return (dataset.asstr() if dataset.dtype.kind == "O" else dataset)[()]


def units(file: h5py.File, path: str) -> Any:
    return file[path].attrs["units"]


def default_plot(file: h5py.File) -> tuple[h5py.Dataset, list[Any]]:
    """Signal and axes, found as a viewer finds them: by the attributes alone."""
    entry: Any = file[file.attrs["default"]]
    data = entry[entry.attrs["default"]]
    assert data.attrs["NX_class"] == "NXdata"
    axes = [None if name == "." else data[name] for name in data.attrs["axes"]]
    for dimension, name in enumerate(data.attrs["axes"]):
        assert name == "." or data.attrs[f"{name}_indices"] == dimension
    return data[data.attrs["signal"]], axes


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    return make_plan(tmp_path)


@pytest.fixture
def closed(plan: RunPlan) -> RunPlan:
    """A run that was recorded and closed, its master checked without a complaint."""
    start_master(plan, start=START, constants=constants(12.4))
    write_frames(plan)
    write_readings(plan)
    complaints = close_master(plan, make_report(plan), constants_start=constants(12.4), constants_end=constants(12.5))
    assert complaints == ()
    return plan


def test_a_closed_master_plots_the_frames_against_the_motor(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        signal, (axis, *others) = default_plot(file)
        assert signal.shape == (FRAMES, *SHAPE)
        assert signal[:, 0, 0].tolist() == list(range(FRAMES))
        assert others == [None, None]
        assert axis.name == "/entry/eiger/theta"
        assert axis.attrs["units"] == "deg"
        # Each frame is 50 ms after an update.
        assert np.allclose(axis[:], 1.0 + np.arange(FRAMES) / 10)
        assert np.allclose(field(file, "/entry/eiger/theta_interpolated")[1:], 1.05 + np.arange(1, FRAMES) / 10)
        assert np.allclose(field(file, "/entry/eiger/time"), 0.05 + np.arange(FRAMES) / 10)


def test_without_an_axis_reading_the_frames_stand_over_their_time(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, readings=(), constants=())
    write_frames(plan)
    assert close_master(plan, make_report(plan), constants_start=None, constants_end={}) == ()
    with h5py.File(plan.master, "r") as file:
        _, axes = default_plot(file)
        assert axes[0].name == "/entry/eiger/time"
        assert axes[0].attrs["units"] == "s"


def test_a_closed_master_tells_who_what_when_and_how_it_ended(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        assert field(file, "/entry/entry_identifier") == "id99/17/1"
        assert field(file, "/entry/experiment_identifier") == "p12345"
        assert field(file, "/entry/collection_identifier") == "17"
        assert field(file, "/entry/start_time") == "2026-11-21T09:30:00.250000Z"
        assert field(file, "/entry/end_time") == "2026-11-21T09:30:02.250000Z"
        assert field(file, "/entry/duration") == 2000
        assert units(file, "/entry/duration") == "ms"
        assert field(file, "/entry/user/name") == "Łukasz"
        assert field(file, "/entry/sample/name") == "CeO2"
        assert field(file, "/entry/run/state") == "INCOMPLETE"
        assert field(file, "/entry/notes/description") == "INCOMPLETE: eiger: 2 frames missing"
        assert field(file, "/entry/run/check").tolist() == []
        assert file.attrs["file_name"] == "run_0001.nxs"


def test_completeness_and_pauses_are_in_the_master(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        account = "/entry/instrument/eiger/completeness"
        numbers = [field(file, f"{account}/{name}") for name in ("expected", "received", "written", "missing")]
        assert numbers == [12, 10, 10, 2]
        assert field(file, f"{account}/gaps").tolist() == [[104, 105]]
        assert field(file, "/entry/run/pauses/time").tolist() == [1.0, 1.5]
        assert field(file, "/entry/run/pauses/value").tolist() == [1, 0]


def test_metadata_are_values_with_units_and_exact_json(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        assert field(file, "/entry/session/metadata/energy") == 12.4
        assert units(file, "/entry/session/metadata/energy") == "keV"
        assert field(file, "/entry/run/metadata/list").tolist() == [1.0, 2.5]
        assert json.loads(field(file, "/entry/run/metadata/mixed")) == [1, "a"]
        assert field(file, "/entry/run/metadata/deep_er/flag")
        assert json.loads(field(file, "/entry/run/metadata_json")) == closed.metadata
        assert json.loads(field(file, "/entry/session/metadata_json")) == closed.session.metadata


def test_text_that_hdf5_cannot_hold_does_not_stop_a_run(tmp_path: Path) -> None:
    odd = {"nul": "a\0b", "half": "\ud800", "huge": 10**30, "..": 1, "none": None, "empty": [], "a/b": 1, "a_b": 2}
    plan = make_plan(tmp_path, metadata=odd)
    start_master(plan, start=START, constants={})
    with h5py.File(plan.master, "r") as file:
        assert json.loads(field(file, "/entry/run/metadata_json")) == odd
        assert field(file, "/entry/run/metadata/nul") == "a\ufffdb"
        assert field(file, "/entry/run/metadata/huge") == str(10**30)


def test_readings_become_logs_at_their_paths(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        log = "/entry/instrument/source/current"
        assert file[log].attrs["NX_class"] == "NXlog"
        assert field(file, f"{log}/time").tolist() == [-60.0]
        assert file[f"{log}/time"].attrs["start"] == "2026-11-21T09:30:00.250000Z"
        assert field(file, f"{log}/value").tolist() == [200.0]
        assert units(file, f"{log}/value") == "mA"
        assert len(field(file, "/entry/instrument/theta/value")) == 11


def test_a_reading_can_be_left_in_the_table_and_one_without_units_is_told(tmp_path: Path) -> None:
    readings = (
        ReadingConfig(name="theta", pv="X:m1.RBV", log=False),
        ReadingConfig(name="current", pv="X:ring"),
    )
    plan = make_plan(tmp_path, readings=readings)
    write_frames(plan)
    write_readings(plan, current_units=None)
    complaints = close_master(plan, make_report(plan), constants_start=None, constants_end={})
    assert complaints == ("/entry/instrument/current/value has no units.",)
    assert check_nexus(plan.master) == complaints
    with h5py.File(plan.master, "r") as file:
        assert "/entry/instrument/theta" not in file
        assert field(file, "/entry/readings/pv_index").tolist().count(0) == 11


def test_constants_have_their_value_at_start_and_at_end(closed: RunPlan) -> None:
    with h5py.File(closed.master, "r") as file:
        assert file["/entry/instrument/monochromator"].attrs["NX_class"] == "NXmonochromator"
        assert file["/entry/instrument/filter_1"].attrs["NX_class"] == "NXfilter"
        assert field(file, "/entry/instrument/monochromator/energy") == 12.4
        assert field(file, "/entry/instrument/monochromator/energy_end") == 12.5
        assert units(file, "/entry/instrument/monochromator/energy") == "keV"
        assert field(file, "/entry/instrument/filter_1/material") == "Al"


def test_an_existing_master_is_never_overwritten_by_a_start(plan: RunPlan) -> None:
    plan.master.write_bytes(b"precious")
    with pytest.raises(RefusedError) as refusal:
        start_master(plan, start=START, constants={})
    assert refusal.value.code == "FILE_EXISTS"
    assert plan.master.read_bytes() == b"precious"
    assert list(plan.folder.iterdir()) == [plan.master]


def test_a_run_can_be_followed_through_its_master_while_it_is_written(plan: RunPlan) -> None:
    start_master(plan, start=START, constants=constants(12.4))
    form = FrameFormat(SHAPE, "<u2")
    writer = DataFile(plan.data_file("eiger"), form, title="Eiger", units="counts", compression=Compression.NONE)
    table = TableWriter(
        plan.readings_file, EmptyTable.of([Column(name="theta", pv="X:m1.RBV", units="deg")]), plan.rules
    )
    writer.append(make_frame(form, 0))
    writer.flush()
    with h5py.File(plan.master, "r", swmr=True) as file:
        data: Any = file["/entry/eiger/data"]
        values: Any = file["/entry/readings/value"]
        assert data.shape == (1, *SHAPE)
        for number in range(1, 4):
            writer.append(make_frame(form, number))
        writer.flush()
        table.append(rows((0, nanoseconds(START), 1.0, 0)))
        data.refresh()
        values.refresh()
        assert data[:, 0, 0].tolist() == [0, 1, 2, 3]
        assert values[:].tolist() == [1.0]
        # The reader stays, as people forget to close windows.
        writer.close()
        table.close()
        assert close_master(plan, make_report(plan, 4), constants_start=None, constants_end={}) == ()
        assert data[:, 0, 0].tolist() == [0, 1, 2, 3]


def test_a_later_process_closes_the_master_with_what_the_first_one_wrote(plan: RunPlan) -> None:
    start_master(plan, start=START, constants=constants(12.4))
    write_frames(plan)
    write_readings(plan)
    report = make_report(plan, state=RunState.ABORTED, reason="the recorder was killed", start=None)
    for _ in range(2):
        assert close_master(plan, report, constants_start=None, constants_end={}) == ()
        with h5py.File(plan.master, "r") as file:
            assert field(file, "/entry/start_time") == "2026-11-21T09:30:00.250000Z"
            assert field(file, "/entry/instrument/monochromator/energy") == 12.4
            assert "/entry/instrument/monochromator/energy_end" not in file
            assert field(file, "/entry/notes/description") == "ABORTED: the recorder was killed"


@pytest.mark.parametrize("state", ["missing", "reserved", "damaged"])
def test_what_is_wrong_with_a_data_file_is_told_and_the_master_is_made(plan: RunPlan, state: str) -> None:
    if state == "reserved":
        plan.data_file("eiger").touch()
    if state == "damaged":
        plan.data_file("eiger").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    write_readings(plan)
    report = make_report(plan, 0, state=RunState.ABORTED)
    complaints = close_master(plan, report, constants_start=None, constants_end={})
    assert any("run_0001_eiger.h5" in complaint for complaint in complaints)
    assert check_nexus(plan.master)
    with h5py.File(plan.master, "r") as file:
        assert field(file, "/entry/run/check").tolist() == list(complaints)
        assert len(field(file, "/entry/instrument/theta/value")) == 11


def test_a_run_without_a_single_frame_passes_the_check(plan: RunPlan) -> None:
    write_frames(plan, 0)
    write_readings(plan)
    assert close_master(plan, make_report(plan, 0), constants_start=None, constants_end={}) == ()


def test_constants_that_were_not_read_at_the_end_are_told(plan: RunPlan) -> None:
    write_frames(plan)
    write_readings(plan)
    told = close_master(plan, make_report(plan), constants_start=None, constants_end=None)
    assert told == ("What the constants were at the end is not known: the recorder was killed before.",)
    again = close_master(plan, make_report(plan), constants_start=None, constants_end=constants(12.5))
    assert again == ()


def test_a_missing_table_of_readings_is_told(plan: RunPlan) -> None:
    write_frames(plan)
    complaints = close_master(plan, make_report(plan), constants_start=None, constants_end={})
    assert any("run_0001_readings.h5" in complaint for complaint in complaints)


def test_another_number_of_frames_than_counted_is_told(plan: RunPlan) -> None:
    write_frames(plan, 7)
    write_readings(plan)
    complaints = close_master(plan, make_report(plan), constants_start=None, constants_end={})
    assert complaints == ("The data file of 'eiger' holds 7 frames, the recorder counted 10 written.",)


def test_the_default_is_the_first_detector_that_has_frames(tmp_path: Path) -> None:
    dark = PvaDetector(name="dark", pv="X:Pva2:Image")
    plan = make_plan(tmp_path, readings=(), constants=())
    plan = plan.model_copy(update={"detectors": (dark, *plan.detectors)})
    write_frames(plan)
    close_master(plan, make_report(plan), constants_start=None, constants_end={})
    with h5py.File(plan.master, "r") as file:
        assert default_plot(file)[0].shape == (FRAMES, *SHAPE)


def test_a_run_without_detectors_plots_its_first_reading(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, detectors=())
    write_readings(plan)
    report = make_report(plan, accounts=())
    assert close_master(plan, report, constants_start=None, constants_end={}) == ()
    with h5py.File(plan.master, "r") as file:
        assert default_plot(file)[0].shape == (11,)


def test_names_that_collide_are_told_and_harm_nothing_else(tmp_path: Path) -> None:
    plan = make_plan(
        tmp_path,
        readings=(ReadingConfig(name="theta", pv="X:m1.RBV", axis=True, path="/entry/title/theta"),),
        constants=(ConstantConfig(name="energy", pv="X:mono", path="/entry/instrument/eiger/data"),),
    )
    write_frames(plan)
    write_readings(plan)
    complaints = close_master(plan, make_report(plan), constants_start=constants(12.4), constants_end=constants(12.5))
    assert complaints == (
        "The constant 'energy' could not be written: /entry/instrument/eiger/data is taken already.",
        "The reading 'theta' could not be written: /entry/title is a field, nothing can go below it.",
    )
    with h5py.File(plan.master, "r") as file:
        assert default_plot(file)[1][0].name == "/entry/eiger/theta"


def test_files_get_the_configured_mode(closed: RunPlan) -> None:
    assert closed.master.stat().st_mode & 0o777 == closed.rules.file_mode
    assert sorted(path.name for path in closed.folder.iterdir()) == [
        "run_0001.nxs",
        "run_0001_eiger.h5",
        "run_0001_readings.h5",
    ]
