"""What the benchmarks of frames share: images, runs of a detector, bare loops to compare with, and the row."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Load:
    """What processes took: CPU seconds together, and the sum of their largest resident memories."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0

    def since(self, before: Load) -> Load:
        """The CPU time from there to here; the memory is the largest ever."""
        return Load(self.cpu_s - before.cpu_s, self.peak_mib)


def load_of(*pids: int) -> Load:
    """Of living processes."""
    return Load(sum(_cpu_seconds(pid) for pid in pids), sum(_peak_mib(pid) for pid in pids))


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


def row(
    name: str,
    value: float,
    reference: float,
    goal: float | None,
    load: Load | None = None,
    *,
    unit: str = "frames/s",
    higher_is_better: bool = True,
) -> dict[str, Any]:
    """A row of the table; one without a goal is a reference or a figure for itself."""
    load = load or Load()
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "reference": round(reference, 3),
        "ratio": round(value / reference, 3) if reference else None,
        "goal": goal,
        "higher_is_better": higher_is_better,
        "cpu_s": round(load.cpu_s, 2),
        "peak_mib": round(load.peak_mib, 1),
    }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
