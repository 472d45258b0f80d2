"""Frames from PVA into a data file, against a client that only counts and a loop that only writes.

`python -m tests.benchmarks frames_pva` prints the rows, for each size and pixel type; see `ladder` for how the rate is
searched. `BENCH_SIDES=1024` in the environment is for a quick try.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from beamsession.model.detector import PvaDetector
from beamsession.record.streaming import StreamingDetector
from beamsim.beamline import running_beamline
from beamsim.detector_client import over_pva
from beamsim.loopback import Loopback
from beamsim.pixels import PixelType
from beamsim.starting import BeamlineOptions
from ladder import Ladder

SIDES = tuple(int(text) for text in os.environ.get("BENCH_SIDES", "128,1024,4096").split(","))
_BYTES_PER_S = 100e6  # the first rung
_FIRST_RUNG_AT_MOST = 600.0


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
        detector = StreamingDetector(PvaDetector(name="fast", pv=f"{prefix}Image", ring_mib=512))
        ladder = Ladder(camera, detector, Path(folder), ("counting_monitor.py", f"{prefix}Image"))
        try:
            table: list[dict[str, Any]] = []
            for side in SIDES:
                camera.resize(side, side)
                for pixel in PixelType:
                    camera.put(f"{prefix}DataType", pixel.choice)
                    dtype = pixel.dtype.name
                    slowest = min(_BYTES_PER_S / (side * side * pixel.dtype.itemsize), _FIRST_RUNG_AT_MOST)
                    table += ladder.climb(f"pva_{side}_{dtype}", side, dtype, slowest)
            return table
        finally:
            detector.shutdown()
