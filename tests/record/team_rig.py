"""Two recorders on the simulated beamline as one team; the line to each can be cut, and can hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from beamsession.model.clock import utc_now
from beamsession.model.detector import PvaDetector
from beamsession.model.errors import UnavailableError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.ports import RecorderPort
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.streaming import StreamingDetector
from beamsession.team import RecorderTeam
from beamsim.running import Beamline
from recorder_rig import fast_detector, wait_until

GRACE_S = 0.5
NAMES = ("main", "east")


class Line:
    """What is between a team and a real recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.cut = False
        self.free = threading.Event()
        self.free.set()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.free.wait(60)
            if self.cut:
                raise UnavailableError("The line is cut.", code="RECORDER_UNREACHABLE")
            return getattr(self.recorder, name)(*arguments)

        return call


@dataclass
class TeamRig:
    """`fast` is recorded by main, `twin` by east; both see the same camera."""

    beamline: Beamline
    folder: Path
    instrument: str = "rig"
    session: int = 0
    lines: dict[str, Line] = field(default_factory=dict[str, Line])

    def __post_init__(self) -> None:
        self.data_root.mkdir(exist_ok=True)
        twin = fast_detector(self.beamline, "twin", recorder="east")
        self.detectors: dict[str, PvaDetector] = {"main": fast_detector(self.beamline), "east": twin}
        self.readings = (ReadingConfig(name="current", pv=f"{self.beamline.prefix}RingCurrent"),)
        self.constants = (
            ConstantConfig(name="current_at", pv=f"{self.beamline.prefix}RingCurrent", path="/entry/sample/current"),
        )
        for name in NAMES:
            self.lines[name] = Line(self._recorder(name))
        self.renew()

    @property
    def data_root(self) -> Path:
        return self.folder / "data"

    def renew(self) -> None:
        """Everything as at the beginning, with a session of its own."""
        self.session += 1
        for line in self.lines.values():
            line.cut = False
            line.free.set()
            wait_until("the recorder is ready", lambda line=line: not line.recorder.report().problems)
        self.team = self.new_team()
        for line in self.lines.values():
            if live := line.recorder.report().current:
                line.recorder.abort(live.key)
        wait_until("nothing is live", lambda: not self.team.report().live and not any(map(self.part, NAMES)))
        for ended in self.team.report().finished:
            self.team.forget(ended.key)

    def new_team(self) -> RecorderTeam:
        """A team that remembers nothing."""
        ports = {name: cast(RecorderPort, line) for name, line in self.lines.items()}
        self.team = RecorderTeam(self.instrument, ports, GRACE_S)
        return self.team

    def restart(self, name: str) -> None:
        """End a recorder in order, and start it again over its journal."""
        self.lines[name].recorder.shutdown()
        self.lines[name].recorder = self._recorder(name)

    def plan(self, number: int = 1, **changes: Any) -> RunPlan:
        """A run of both detectors, with readings, in the present session."""
        values: dict[str, Any] = {
            "key": RunKey(instrument=self.instrument, session_id=self.session, run_number=number),
            "data_root": self.data_root,
            "folder": self.data_root / "2026" / "p1" / f"{self.session:06d}_Lukasz",
            "session": SessionFacts(id=self.session, name="Łukasz 2θ", start=utc_now()),
            "instrument": InstrumentFacts(name=self.instrument),
            "detectors": tuple(self.detectors.values()),
            "readings": self.readings,
            "constants": self.constants,
        }
        return RunPlan(**(values | changes))

    def begin(self, plan: RunPlan) -> None:
        """Prepare on all and wait until all record."""
        self.team.prepare(plan)
        self.await_state(RunState.RECORDING)

    def current(self) -> RunReport | None:
        """The live run as the team tells it; asking takes its next step."""
        return self.team.report().current

    def await_state(self, state: RunState) -> RunReport:
        """Wait until the live run is in this state."""
        return wait_until(f"the run is {state}", lambda: (run := self.current()) and run.state is state and run)

    def await_outcome(self, plan: RunPlan) -> RunReport:
        """Wait until the run has its verdict."""
        return wait_until(
            "the run has ended",
            lambda: next((run for run in self.team.report().finished if run.key == plan.key), None),
        )

    def part(self, name: str) -> RunReport | None:
        """What one recorder has at work."""
        return self.lines[name].recorder.report().current

    def written(self) -> list[int]:
        """Frames written so far, by each recorder."""
        return [part.written if (part := self.part(name)) else 0 for name in NAMES]

    def close(self) -> None:
        for line in self.lines.values():
            line.free.set()
            line.recorder.shutdown()

    def _recorder(self, name: str) -> Recorder:
        config = self.detectors[name]
        return Recorder(
            name,
            {config.name: partial(StreamingDetector, config)},
            partial(ReadingsRecorder, self.readings, self.constants)
            if name == "main"
            else partial(ReadingsRecorder, (), ()),
            self.folder / f"journal {name}",
        )
