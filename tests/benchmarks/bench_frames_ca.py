"""Frames from a CA waveform into a data file, against a client that only counts and a loop that only writes.

`python -m tests.benchmarks frames_ca` prints the rows; see `ladder` for how the rate is searched.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from beamsession.model.detector import CaDetector
from beamsession.record.streaming import StreamingDetector
from beamsim.beamline import running_beamline
from beamsim.detector_client import over_ca
from beamsim.loopback import Loopback
from beamsim.starting import BeamlineOptions
from ladder import Ladder

SIDES = (128, 1024)


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    loopback = Loopback.choose()
    os.environ.update(loopback.client_environment())
    with (
        running_beamline(BeamlineOptions(catalogue=False), loopback) as beamline,
        tempfile.TemporaryDirectory() as folder,
    ):
        prefix = f"{beamline.prefix}CAM1:"
        camera = over_ca(prefix)
        detector = StreamingDetector(
            CaDetector(
                name="slow",
                pv=f"{prefix}ArrayData",
                width_pv=f"{prefix}SizeX_RBV",
                height_pv=f"{prefix}SizeY_RBV",
                id_pv=f"{prefix}UniqueId_RBV",
                dtype="uint16",
                ring_mib=512,
            )
        )
        ladder = Ladder(camera, detector, Path(folder), ("counting_waveform.py", f"{prefix}ArrayData"))
        try:
            table: list[dict[str, Any]] = []
            for side in SIDES:
                camera.resize(side, side)
                table += ladder.climb(f"ca_{side}_uint16", side, "uint16")
            return table
        finally:
            detector.shutdown()
