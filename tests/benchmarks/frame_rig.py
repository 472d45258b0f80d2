"""What the benchmarks of frames share: images, runs of a detector, bare loops to compare with, and the row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.clock import utc_now
from beamsession.model.completeness import Completeness
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.streaming import StreamingDetector

MIB = 1 << 20
_IMAGES = 8


def counts(side: int, dtype: str, images: int = _IMAGES) -> list[NDArray]:
    """Different images as a counting detector makes them: Poisson noise over a weak background, one-dimensional."""
    generator = np.random.default_rng(1)
    first = generator.poisson(20, side * side).astype(dtype)
    return [np.roll(first, index * 7919) for index in range(images)]


def plan(folder: Path, number: int) -> RunPlan:
    """A run into `folder`."""
    return RunPlan(
        key=RunKey(instrument="bench", session_id=1, run_number=number),
        data_root=folder,
        folder=folder,
        session=SessionFacts(id=1, name="bench", start=utc_now()),
        instrument=InstrumentFacts(name="bench"),
        connect_timeout_s=20.0,
    )


class Runs:
    """Runs of one detector; the data file of each is removed behind it."""

    def __init__(self, detector: StreamingDetector, folder: Path) -> None:
        self.detector = detector
        self._folder = folder
        self._number = 0

    def begin(self) -> Path:
        """Prepare and arm the next one; its data file."""
        self._number += 1
        next_plan = plan(self._folder, self._number)
        self.detector.prepare(next_plan)
        self.detector.arm()
        return next_plan.data_file(self.detector.name)

    def end(self) -> Completeness:
        """Drain, wait until the file is closed, remove it."""
        self.detector.stop(drain=True)
        while not self.detector.progress().closed:
            time.sleep(0.01)
        path = self.detector.data_file()
        assert path is not None
        path.unlink()
        return self.detector.progress().account


def bare_writes(folder: Path, images: list[NDArray], side: int, frames: int) -> float:
    """Frames per second of a loop that writes chunks in SWMR mode and nothing else."""
    return _written(folder, images, side, frames, {})


def filtered_writes(folder: Path, images: list[NDArray], side: int, frames: int, options: dict[str, Any]) -> float:
    """The same through h5py's own way, with a filter in HDF5's pipeline."""
    return _written(folder, images, side, frames, options)


def _written(folder: Path, images: list[NDArray], side: int, frames: int, options: dict[str, Any]) -> float:
    path = folder / "bare.h5"
    pictures = [image.reshape(side, side) for image in images]
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("data", (frames, side, side), pictures[0].dtype, chunks=(1, side, side), **options)
        file.swmr_mode = True
        begin = time.perf_counter()
        for number in range(frames):
            if options:
                data[number] = pictures[number % len(pictures)]
            else:
                data.id.write_direct_chunk((number, 0, 0), pictures[number % len(pictures)])
        file.flush()
        rate = frames / (time.perf_counter() - begin)
    path.unlink()
    return rate
