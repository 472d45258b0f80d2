"""A recorder on the simulated beamline, and plans for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from beamsession.model.clock import utc_now
from beamsession.model.detector import CaDetector, PvaDetector
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.readings.messages import MOST_ROWS
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.streaming import StreamingDetector
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from beamsim.waiting import wait_until


@dataclass
class Rig:
    """Everything a recorder needs, below one temporary folder; `start` and `stop` may be called repeatedly."""

    beamline: Beamline
    folder: Path
    detectors: tuple[PvaDetector | CaDetector, ...] = ()
    readings: tuple[ReadingConfig, ...] = ()
    constants: tuple[ConstantConfig, ...] = ()
    most_rows: int = MOST_ROWS
    recorders: list[Recorder] = field(default_factory=list[Recorder])

    def __post_init__(self) -> None:
        self.detectors = self.detectors or (fast_detector(self.beamline),)
        self.data_root.mkdir(exist_ok=True)

    @property
    def data_root(self) -> Path:
        return self.folder / "data"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def start(self) -> Recorder:
        """A recorder whose processes are up."""
        recorder = Recorder(
            "rig",
            {config.name: partial(StreamingDetector, config) for config in self.detectors},
            partial(ReadingsRecorder, self.readings, self.constants, self.most_rows),
            self.journal,
            readings=self.readings,
        )
        self.recorders.append(recorder)
        wait_until("the processes are up", lambda: "STARTING" not in {item.code for item in recorder.report().problems})
        return recorder

    def plan(self, number: int = 1, **changes: Any) -> RunPlan:
        """A run of session 7."""
        values: dict[str, Any] = {
            "key": RunKey(instrument="rig", session_id=7, run_number=number),
            "data_root": self.data_root,
            "folder": self.data_root / "2026" / "p1" / "000007_Lukasz",
            "session": SessionFacts(id=7, name="Łukasz 2θ", start=utc_now()),
            "instrument": InstrumentFacts(name="rig"),
            "detectors": self.detectors,
            "readings": self.readings,
            "constants": self.constants,
        }
        return RunPlan(**(values | changes))

    def close(self) -> None:
        for recorder in self.recorders:
            recorder.shutdown()


def fast_detector(beamline: Beamline, name: str = "fast", **changes: Any) -> PvaDetector:
    """The simulated fast detector."""
    values: dict[str, Any] = {"name": name, "pv": f"{beamline.prefix}PVA1:Image", "ring_mib": 16}
    return PvaDetector(**(values | changes))


def begin(recorder: Recorder, plan: RunPlan) -> None:
    """Prepare the run and wait until it records."""
    recorder.prepare(plan)
    wait_until("the run records", lambda: state_of(recorder, plan) is not RunState.PREPARING)
    assert state_of(recorder, plan) is RunState.RECORDING, recorder.report()


def state_of(recorder: Any, plan: RunPlan) -> RunState:
    """The state of this run."""
    report = recorder.report()
    runs = [report.current, *report.finished]
    return next((run.state for run in runs if run is not None and run.key == plan.key), RunState.NONE)


def outcome(recorder: Any, plan: RunPlan) -> RunReport:
    """The report of the run once it has ended."""

    def ended() -> RunReport | None:
        return next((run for run in recorder.report().finished if run.key == plan.key), None)

    return wait_until("the run has ended", ended)


def written(recorder: Any) -> int:
    """Frames the present run has safely written."""
    current = recorder.report().current
    return current.written if current else 0


def record(recorder: Recorder, plan: RunPlan, camera: DetectorClient, frames: int) -> RunReport:
    """A whole run of a camera that makes `frames`, stopped by hand when it has made them."""
    begin(recorder, plan)
    camera.start(frames, period=0.005)
    camera.wait()
    wait_until("the frames are written", lambda: written(recorder) == frames)
    recorder.stop(plan.key)
    return outcome(recorder, plan)


def stored_frames(path: Path) -> int:
    """Frames that a program which knows nothing of us finds when it opens the file plainly."""
    with h5py.File(path, "r") as file:
        data, ids = file["entry/data/data"], file["entry/data/unique_id"]
        assert isinstance(data, h5py.Dataset)
        assert isinstance(ids, h5py.Dataset)
        assert len(data) == len(ids)
        if len(data):
            assert data[len(data) - 1].size > 0
        return len(data)


def value_in(path: Path, name: str) -> Any:
    """What a dataset holds, read plainly."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        assert isinstance(dataset, h5py.Dataset)
        return dataset[()]
