"""Frames from PVA into a data file, against a client that only counts and a loop that only writes.

`python -m tests.benchmarks frames_pva` prints the rows, for each size and pixel type; see `ladder` for how the rate is
searched. `BENCH_SIDES=1024` in the environment is for a quick try.
"""

from __future__ import annotations

import os
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from beamsession.model.detector import PvaDetector
from beamsession.record.sources.pva import queue_length
from beamsession.record.streaming import StreamingDetector
from beamsim.beamline import running_beamline
from beamsim.detector_client import over_pva
from beamsim.loopback import Loopback
from beamsim.pixels import PixelType
from beamsim.starting import BeamlineOptions
from frame_rig import MIB
from ladder import Ladder

SIDES = tuple(int(text) for text in os.environ.get("BENCH_SIDES", "128,1024,4096").split(","))
RING_MIB = 64
"""Small, so that what it can hold is only a part of the frames of an attempt; four frames at least."""


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    loopback = Loopback.choose()
    os.environ.update(loopback.client_environment())
    with (
        running_beamline(BeamlineOptions(catalogue=False), loopback) as beamline,
        tempfile.TemporaryDirectory() as folder,
    ):
        prefix = f"{beamline.prefix}PVA1:"
        camera = over_pva(prefix)
        table: list[dict[str, Any]] = []
        for side, pixel in product(SIDES, PixelType):
            camera.resize(side, side)
            camera.put(f"{prefix}DataType", pixel.choice)
            nbytes = side * side * pixel.dtype.itemsize
            ring_mib = max(RING_MIB, 4 * nbytes // MIB)
            detector = StreamingDetector(PvaDetector(name="fast", pv=f"{prefix}Image", ring_mib=ring_mib))
            counting = ("counting_monitor.py", f"{prefix}Image", str(queue_length(ring_mib, nbytes)))
            try:
                ladder = Ladder(camera, detector, Path(folder), counting)
                table += ladder.climb(f"pva_{side}_{pixel.dtype.name}", side, pixel.dtype.name)
            finally:
                detector.shutdown()
        return table
