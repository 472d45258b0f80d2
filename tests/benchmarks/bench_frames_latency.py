"""How long after a detector has posted a frame a reader in another process has its pixels, and whether it can open.

`python -m tests.benchmarks frames_latency` prints the rows: the data file and through the master, raw and compressed.
Each reader follows a run of 1024x1024 uint16 at 50 frames/s in SWMR mode and opens the file anew a hundred times
beside that, all while it is written. Detector, recorder and reader share one machine and its clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from beamsession.model.detector import Compression, PvaDetector
from beamsession.model.plan import RunPlan
from beamsession.model.states import RunState
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.streaming import StreamingDetector
from beamsim.beamline import running_beamline
from beamsim.detector_client import DetectorClient, over_pva
from beamsim.loopback import Loopback
from beamsim.starting import BeamlineOptions
from frame_rig import plan
from rows import row

NAME = "fast"
RATE = 50.0
FRAMES = 400
OPENS = 100
GOAL_S = 0.75
_PATIENCE_S = 60.0


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    loopback = Loopback.choose()
    os.environ.update(loopback.client_environment())
    with (
        running_beamline(BeamlineOptions(catalogue=False), loopback) as beamline,
        tempfile.TemporaryDirectory() as folder,
    ):
        camera = over_pva(f"{beamline.prefix}PVA1:")
        table: list[dict[str, Any]] = []
        for compression in (Compression.NONE, Compression.BSLZ4):
            config = PvaDetector(name=NAME, pv=f"{beamline.prefix}PVA1:Image", compression=compression)
            table += _followed(config, camera, Path(folder) / compression)
        return table


def _followed(config: PvaDetector, camera: DetectorClient, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir()
    recorder = Recorder(
        "bench", {NAME: partial(StreamingDetector, config)}, partial(ReadingsRecorder, (), ()), folder / "journal"
    )
    try:
        _wait(lambda: "STARTING" not in {problem.code for problem in recorder.report().problems})
        table: list[dict[str, Any]] = []
        for number, what in enumerate(("data_file", "master"), 1):
            the_plan = plan(folder, number).model_copy(update={"detectors": (config,), "folder": folder / "session"})
            path = the_plan.data_file(NAME) if what == "data_file" else the_plan.master
            seen = _one_run(recorder, the_plan, camera, path)
            table += _rows(f"live_{what}_{config.compression}", seen)
        return table
    finally:
        recorder.shutdown()


def _one_run(recorder: Recorder, the_plan: RunPlan, camera: DetectorClient, path: Path) -> dict[str, Any]:
    recorder.prepare(the_plan)
    _wait(lambda: (run := recorder.report().current) is not None and run.state is RunState.RECORDING)
    script = str(Path(__file__).with_name("live_reader.py"))
    command = [sys.executable, script, str(path), NAME, str(FRAMES), str(OPENS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        camera.start(FRAMES, period=1 / RATE)
        camera.wait()
        answer, _ = reader.communicate(timeout=_PATIENCE_S)
    recorder.stop(the_plan.key)
    _wait(lambda: any(run.key == the_plan.key for run in recorder.report().finished))
    recorder.forget(the_plan.key)
    return json.loads(answer)


def _rows(name: str, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The ratio is to the goal itself: no other program measures the same."""
    latencies = seen["latencies"]
    late = statistics.quantiles(latencies, n=100)[98]
    return [
        row(f"{name}_latency_median", statistics.median(latencies), GOAL_S, None, unit="s", higher_is_better=False),
        row(f"{name}_latency_p99", late, GOAL_S, 1.0, unit="s", higher_is_better=False),
        row(f"{name}_opens", seen["opened"], OPENS, 1.0, unit=f"of {OPENS}"),
    ]


def _wait(reached: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_PATIENCE_S:g} s in vain")
        time.sleep(0.01)
