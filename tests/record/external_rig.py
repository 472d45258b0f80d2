"""A recorder over the simulated areaDetector IOC, and clients of that IOC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import epics

from beamsession.model.clock import utc_now
from beamsession.model.detector import AreaDetector, ArmedDetector, DetectorConfig, Put
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.report import RunReport
from beamsession.record.kinds import detector_of
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from recorder_rig import begin, outcome, wait_until

CAM, HDF = "SIM1:cam1:", "SIM1:HDF1:"
IDS = "entry/instrument/NDAttributes/NDArrayUniqueId"


class Ioc:
    """The IOC's process, and its PVs as any client sees them."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process = self._start()

    def start(self) -> None:
        """Start it again."""
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def get(self, name: str) -> Any:
        value = epics.caget(name, use_monitor=False, timeout=30, connection_timeout=30)
        assert value is not None, f"{name} does not answer"
        return value

    def put(self, name: str, value: Any, *, wait: bool = True) -> None:
        assert epics.caput(name, value, wait=wait, timeout=30, connection_timeout=30) == 1, f"{name} was not set"

    def reset(self) -> None:
        """Idle, with the settings of a fresh start."""
        self.put(f"{CAM}Acquire", 0)
        self.put(f"{HDF}Capture", 0)
        for name, value in (
            (f"{CAM}AcquirePeriod", 0.005),
            (f"{CAM}ArrayCallbacks", 0),
            (f"{CAM}ImageMode", 2),
            (f"{HDF}EnableCallbacks", 0),
            (f"{HDF}QueueSize", 20),
            (f"{HDF}WriteDelay", 0.0),
            (f"{HDF}OpenFails", 0),
            (f"{HDF}NumFramesFlush", 0),
        ):
            self.put(name, value)
        wait_until("it is idle", lambda: not self.get(f"{CAM}Acquire_RBV") and not self.get(f"{HDF}Capture_RBV"))

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "beamsim.areadetector_ioc", *self._arguments],
            env=os.environ,  # its server port is the one that the client environment keeps free
            stdin=subprocess.PIPE,
        )


def camera(name: str = "cam", **changes: Any) -> AreaDetector:
    """The simulated camera with its plugin."""
    values: dict[str, Any] = {"name": name, "camera": CAM, "file_plugin": HDF}
    return AreaDetector(**(values | changes))


def armed(name: str = "counter", **changes: Any) -> ArmedDetector:
    """The camera once more, as a detector that is only armed: it counts, and nobody writes its frames."""
    values: dict[str, Any] = {
        "name": name,
        "arm": (
            Put(pv=f"{CAM}ImageMode", value="Continuous"),
            Put(pv=f"{CAM}AcquirePeriod", value=0.01),
            Put(pv=f"{CAM}Acquire", value=1, wait=False),
        ),
        "disarm": (Put(pv=f"{CAM}Acquire", value="Done"),),
        "count_pv": f"{CAM}ArrayCounter_RBV",
    }
    return ArmedDetector(**(values | changes))


class Station:
    """A recorder with these detectors below one folder; runs get numbers of their own."""

    def __init__(self, folder: Path, *detectors: DetectorConfig, data_root: Path | None = None) -> None:
        self.folder = folder
        self.detectors = detectors
        self.data_root = data_root or folder / "data"
        self.data_root.mkdir(exist_ok=True)
        self._number = 0
        self.recorder = self.start()

    def start(self) -> Recorder:
        self.recorder = Recorder(
            "station",
            {config.name: partial(detector_of, config) for config in self.detectors},
            partial(ReadingsRecorder, (), ()),
            self.folder / "journal",
        )
        starting = lambda: "STARTING" in {item.code for item in self.recorder.report().problems}  # noqa: E731
        wait_until("the processes are up", lambda: not starting())
        return self.recorder

    def plan(self, **changes: Any) -> RunPlan:
        self._number += 1
        values: dict[str, Any] = {
            "key": RunKey(instrument="station", session_id=7, run_number=self._number),
            "data_root": self.data_root,
            "folder": self.data_root / "2026" / self.folder.name,
            "session": SessionFacts(id=7, name="x", start=utc_now()),
            "instrument": InstrumentFacts(name="station"),
            "detectors": self.detectors,
        }
        return RunPlan(**(values | changes))

    def run(self, plan: RunPlan) -> RunReport:
        """A run that ends by itself."""
        self.recorder.prepare(plan)
        return outcome(self.recorder, plan)

    def begin(self, plan: RunPlan) -> None:
        begin(self.recorder, plan)

    def stop(self, plan: RunPlan) -> RunReport:
        self.recorder.stop(plan.key)
        return outcome(self.recorder, plan)


@contextmanager
def serving(*arguments: str) -> Iterator[Ioc]:
    """An IOC that is ended."""
    ioc = Ioc(*arguments)
    try:
        yield ioc
    finally:
        ioc.kill()


@contextmanager
def station(folder: Path, *detectors: DetectorConfig, data_root: Path | None = None) -> Iterator[Station]:
    """One that is shut down."""
    made = Station(folder, *detectors, data_root=data_root)
    try:
        yield made
    finally:
        made.recorder.shutdown()
