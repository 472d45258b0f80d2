"""Frames of 1024x1024 uint16 from PVA into a data file, against a client that only counts and a loop that only writes.

`python bench_frames_pva.py` prints the rows. Detector, reference and product share one machine, so a rate counts for
the whole of them; the reference is measured in the same minute, rung by rung.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beamsession.model.clock import utc_now
from beamsession.model.detector import PvaDetector
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.streaming import StreamingDetector
from beamsim.beamline import running_beamline
from beamsim.detector_client import DetectorClient, over_pva
from beamsim.loopback import Loopback
from beamsim.running import Beamline
from beamsim.starting import BeamlineOptions

SIDE = 1024
FRAMES = 500
RATES = (100, 150, 200, 250, 300, 350, 400, 450, 500, 600)
GOAL = 0.8
_TRIES = 2


@dataclass(frozen=True)
class Load:
    """What processes took: CPU seconds together, and the sum of their largest resident memories."""

    cpu_s: float
    peak_mib: float


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    loopback = Loopback.choose()
    os.environ.update(loopback.client_environment())
    options = BeamlineOptions(size_x=SIDE, size_y=SIDE, catalogue=False)
    with running_beamline(options, loopback) as beamline, tempfile.TemporaryDirectory() as folder:
        return _measured(beamline, Path(folder))


def _measured(beamline: Beamline, folder: Path) -> list[dict[str, Any]]:
    camera = over_pva(f"{beamline.prefix}PVA1:")
    detector = StreamingDetector(PvaDetector(name="fast", pv=f"{beamline.prefix}PVA1:Image", ring_mib=512))
    try:
        runs = _Runs(detector, camera, folder)
        runs.record(50)
        _count(camera, beamline, 50)
        before = _load(detector)
        counted = recorded = 0.0
        for rate in RATES:
            counted = max(counted, _best(lambda rate=rate: _count(camera, beamline, rate)))
            recorded = max(recorded, _best(lambda rate=rate: runs.record(rate)))
        after = _load(detector)
        written = statistics.median(_bare_writes(folder) for _ in range(3))
        reference = min(counted, written)
        load = Load(after.cpu_s - before.cpu_s, after.peak_mib)
        return [
            row("pva_1024_uint16_to_file", recorded, "frames/s", reference, GOAL, True, load),
            row("p4p_counting_monitor", counted, "frames/s", counted, None, True, Load(0.0, 0.0)),
            row("h5py_direct_chunk_loop", written, "frames/s", written, None, True, Load(0.0, 0.0)),
        ]
    finally:
        detector.shutdown()


def _best(attempt: Any) -> float:
    """The rate of the first attempt without loss, 0 if there is none: the machine has other work too."""
    return next((rate for rate in (attempt() for _ in range(_TRIES)) if rate), 0.0)


class _Runs:
    """Runs of one detector, each at one rate."""

    def __init__(self, detector: StreamingDetector, camera: DetectorClient, folder: Path) -> None:
        self._detector = detector
        self._camera = camera
        self._folder = folder
        self._number = 0

    def record(self, rate: float) -> float:
        """Frames per second that were produced and all written; 0 if one was lost."""
        self._number += 1
        plan = _plan(self._folder, self._number)
        self._detector.prepare(plan)
        self._detector.arm()
        produced = _produce(self._camera, rate)
        self._detector.stop(drain=True)
        while not self._detector.progress().closed:
            time.sleep(0.01)
        account = self._detector.progress().account
        plan.data_file(self._detector.name).unlink()
        return produced if account.written == FRAMES else 0.0


def _plan(folder: Path, number: int) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="bench", session_id=1, run_number=number),
        data_root=folder,
        folder=folder,
        session=SessionFacts(id=1, name="bench", start=utc_now()),
        instrument=InstrumentFacts(name="bench"),
        connect_timeout_s=20.0,
    )


def _produce(camera: DetectorClient, rate: float) -> float:
    """Have the camera make its frames; frames per second as it really made them."""
    begin = time.perf_counter()
    camera.start(FRAMES, period=1 / rate)
    camera.wait()
    return FRAMES / (time.perf_counter() - begin)


def _count(camera: DetectorClient, beamline: Beamline, rate: float) -> float:
    """Frames per second that were produced and all seen by the counting client; 0 if one was lost."""
    with _counting(f"{beamline.prefix}PVA1:Image") as client:
        produced = _produce(camera, rate)
        time.sleep(0.5)
        seen, _ = client.communicate("\n")
    return produced if int(seen) == FRAMES else 0.0


@contextmanager
def _counting(pv: str) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("counting_monitor.py")
    client = subprocess.Popen([sys.executable, script, pv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout is not None
        client.stdout.readline()
        yield client
    finally:
        client.kill()
        client.wait()


def _bare_writes(folder: Path) -> float:
    """Frames per second of a loop that writes chunks in SWMR mode and nothing else."""
    image = np.random.default_rng(1).integers(0, 4000, (SIDE, SIDE)).astype(np.uint16)
    path = folder / "bare.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("data", (FRAMES, SIDE, SIDE), "u2", chunks=(1, SIDE, SIDE))
        file.swmr_mode = True
        begin = time.perf_counter()
        for number in range(FRAMES):
            data.id.write_direct_chunk((number, 0, 0), image)
        file.flush()
        rate = FRAMES / (time.perf_counter() - begin)
    path.unlink()
    return rate


def _load(detector: StreamingDetector) -> Load:
    pids = detector.pids().values()
    return Load(sum(cpu_seconds(pid) for pid in pids), sum(peak_mib(pid) for pid in pids))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def row(
    name: str, value: float, unit: str, reference: float, goal: float | None, higher_is_better: bool, load: Load
) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "reference": round(reference, 2),
        "ratio": round(value / reference, 3) if reference else None,
        "goal": goal,
        "higher_is_better": higher_is_better,
        "cpu_s": round(load.cpu_s, 2),
        "peak_mib": round(load.peak_mib, 1),
    }


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
