"""A run as the recorder leaves it, made by the recorder's own code without any detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.completeness import Completeness
from beamsession.model.detector import Compression, PvaDetector
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.datafile import DataFile
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.nexus import close_master, start_master
from beamsession.record.nexus.seconds import nanoseconds
from beamsession.record.readings.board import ROW
from beamsession.record.readings.emptytable import EmptyTable
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.table import Column
from beamsession.record.readings.tablewriter import TableWriter

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
THETA = 40
Images = Sequence[NDArray[np.generic]] | NDArray[np.generic]


@dataclass(frozen=True)
class RecordedRun:
    """Its plan and its recorder's last word."""

    plan: RunPlan
    report: RunReport

    @property
    def master(self) -> Path:
        return self.plan.master

    def data_file(self, detector: str) -> Path:
        return self.plan.data_file(detector)


def record(
    folder: Path,
    detectors: Mapping[str, Images],
    *,
    number: int = 1,
    has_readings: bool = True,
    compression: Compression = Compression.BSLZ4,
) -> RecordedRun:
    """A closed run with these frames by detector; the reading `theta` goes from 0 to 3.9 mm in 40 steps."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = RunPlan(
        key=RunKey(instrument="B1", session_id=1, run_number=number),
        data_root=folder.parent,
        folder=folder,
        session=SessionFacts(id=1, name="Łukasz 2θ", start=START - timedelta(hours=1), metadata={"sample": "CeO2"}),
        instrument=InstrumentFacts(name="B1"),
        title="first θ scan",
        detectors=tuple(PvaDetector(name=name, pv=f"X:{name}") for name in detectors),
        readings=(ReadingConfig(name="theta", pv="X:theta", axis=True),) if has_readings else (),
        constants=(ConstantConfig(name="energy", pv="X:mono", path="/entry/instrument/monochromator/energy"),),
    )
    energy = {"energy": Reading(value=12.4, units="keV", time=START)}
    start_master(plan, start=START, constants=energy)
    for name, images in detectors.items():
        _write(plan.data_file(name), name, images, compression)
    if has_readings:
        _write_readings(plan)
    report = RunReport(
        key=plan.key,
        state=RunState.COMPLETED,
        start=START,
        stop=START + timedelta(seconds=4),
        accounts=tuple(
            Completeness(detector=name, received=len(images), written=len(images)) for name, images in detectors.items()
        ),
        readings=THETA if has_readings else 0,
        master=plan.master,
        files=tuple(plan.data_file(name) for name in detectors),
    )
    complaints = close_master(plan, report, constants_start=energy, constants_end=energy)
    return RecordedRun(plan, report.model_copy(update={"check": complaints}))


def spot(shape: tuple[int, int], row: int, column: int, dtype: str = "<u4") -> NDArray[Any]:
    """A frame that is dark but for a wide bright spot."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (1000 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 50)).astype(dtype)


def damage_chunk(path: Path, number: int) -> None:
    """Make one frame of a data file of ours impossible to unpack."""
    with h5py.File(path, "r") as file:
        facts = file["/entry/data/data"].id.get_chunk_info(number)
    with path.open("r+b") as stream:
        stream.seek(facts.byte_offset)
        stream.write(b"\xff" * facts.size)


def _write(path: Path, name: str, images: Images, compression: Compression) -> None:
    form = FrameFormat(images[0].shape, images[0].dtype.str) if len(images) else None
    file = DataFile(path, form, title=name, units="counts", compression=compression)
    for number, image in enumerate(images):
        assert form is not None
        stamp = nanoseconds(START) + number * 100_000_000
        file.append(Frame(form, number + 1, stamp, stamp, np.ascontiguousarray(image).reshape(-1).view("u1")))
    file.close()


def _write_readings(plan: RunPlan) -> None:
    columns = EmptyTable.of([Column(name="theta", pv="X:theta", units="mm")])
    table = TableWriter(plan.readings_file, columns, plan.rules)
    begin = nanoseconds(START)
    table.append(np.array([(0, begin + number * 100_000_000, number / 10, 0) for number in range(THETA)], ROW))
    table.close()
