"""The last frame of a run, read beside its writer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.faces.taurus.last_frame import MOST_PIXELS, last_frame
from beamsession.model.detector import Compression, PvaDetector
from beamsession.model.errors import NotFoundError, RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.quicklook.frames import Kind
from beamsession.record.datafile import DataFile, reserve
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.nexus import start_master

TAKEN = 1_790_000_000_000_000_000


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    """A run that is being recorded."""
    found = RunPlan(
        key=RunKey(instrument="p99", session_id=1, run_number=1),
        data_root=tmp_path,
        folder=tmp_path,
        session=SessionFacts(id=1, name="align", start=datetime.now(UTC)),
        instrument=InstrumentFacts(name="p99"),
        detectors=(PvaDetector(name="camera", pv="A:Image"), PvaDetector(name="line", pv="B:Image")),
    )
    start_master(found, start=datetime.now(UTC), constants={})
    for detector in found.detectors:
        reserve(found.data_file(detector.name), found.rules)
    return found


@pytest.fixture
def camera(plan: RunPlan) -> Iterator[DataFile]:
    form = FrameFormat((4, 5), "<u2")
    file = DataFile(plan.data_file("camera"), form, title="camera", units="counts", compression=Compression.NONE)
    yield file
    file.close()


def append(file: DataFile, number: int, values: np.ndarray, form: FrameFormat) -> None:
    file.append(Frame(form, number, TAKEN + number, number, values.ravel()))
    file.flush()


def test_each_look_finds_the_newest_frame_while_it_is_written(plan: RunPlan, camera: DataFile) -> None:
    form = FrameFormat((4, 5), "<u2")
    assert last_frame(plan.master, "camera", live=True).count == 0
    for number in (1, 2):
        append(camera, number, np.arange(20, dtype="<u2") * number, form)
        found = last_frame(plan.master, "camera", live=True)

        assert (found.kind, found.number, found.units) == (Kind.IMAGES, number, "counts")
        assert found.values[3, 4] == 19 * number
        assert found.time == datetime.fromtimestamp(TAKEN / 1e9, UTC)
        assert found.levels[0] < found.levels[1] <= 19 * number


def test_a_spectrum_is_a_curve(plan: RunPlan) -> None:
    form = FrameFormat((6,), "<f8")
    file = DataFile(plan.data_file("line"), form, title="line", units="", compression=Compression.NONE)
    append(file, 1, np.array([1, 2, np.nan, 4, 5, 6.0]), form)
    found = last_frame(plan.master, "line", live=True)
    file.close()

    assert (found.kind, found.values.shape, found.levels[1]) == (Kind.SPECTRA, (6,), pytest.approx(6, rel=0.01))


def test_a_large_image_is_shrunk_and_keeps_its_size_in_words(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "run.nxs", "w") as file:
        file["entry/data"] = np.ones((1, 2 * MOST_PIXELS, 3000), np.uint8)
    found = last_frame(tmp_path / "run.nxs")

    assert max(found.values.shape) <= MOST_PIXELS
    assert found.shape == (2 * MOST_PIXELS, 3000)


def test_what_cannot_be_shown_is_a_sentence_with_a_remedy(plan: RunPlan, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"not seen from this host\. Mount the data disk"):
        last_frame(tmp_path / "elsewhere.nxs")
    with pytest.raises(NotFoundError, match="no frames of 'pilatus'"):
        last_frame(plan.master, "pilatus", live=True)
    (tmp_path / "text.nxs").write_text("no HDF5")
    with pytest.raises(RefusedError, match="cannot be read now"):
        last_frame(tmp_path / "text.nxs")
