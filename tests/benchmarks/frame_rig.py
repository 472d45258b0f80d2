"""What the benchmarks of frames share: images, runs of a detector, bare loops to compare with, and the row."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beamsession.model.clock import utc_now
from beamsession.model.completeness import Completeness
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.streaming import StreamingDetector

MIB = 1 << 20
_IMAGES = 8
_WARMTH = bytes(2 * MIB)


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
        self.folder = folder
        self._number = 0

    def begin(self) -> Path:
        """Prepare and arm the next one; its data file."""
        self._number += 1
        next_plan = plan(self.folder, self._number)
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


def warm(folder: Path, nbytes: int) -> None:
    """Write as many bytes to a file and remove it: what is measured next finds the same, just freed pages.

    On a virtual machine pages that were free for a while have gone back to the host, and are ten times as slow.
    """
    path = folder / "warm"
    with path.open("wb", buffering=0) as file:
        for _ in range(-(-nbytes // len(_WARMTH))):
            file.write(_WARMTH)
    path.unlink()
