"""An instrument's service over two real recorders: what is asked happens on both, and the store tells the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.config import Beamline as Configuration
from beamsession.config import parse
from beamsession.model.alarms import Severity
from beamsession.model.principal import Caller, Principal
from beamsession.model.states import DeviceState, RunState
from beamsession.servers.manager.service import InstrumentService
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from beamsim.waiting import PATIENCE_S
from recorder_rig import stored_frames, wait_until
from team_rig import TeamRig

USER = Caller(Principal("ana"), "tango")


@pytest.fixture(scope="module")
def recorders(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamRig]:
    rig = TeamRig(beamline, tmp_path_factory.mktemp("team service"))
    yield rig
    rig.close()


class Manager:
    """Services one after the other; `start` again is a restart."""

    def __init__(self, rig: TeamRig, folder: Path) -> None:
        self.rig, self.folder = rig, folder
        self.service: InstrumentService | None = None

    def start(self) -> InstrumentService:
        self.stop()
        self.service = InstrumentService(self._configuration(), self.rig.new_team())
        self.service.start()
        return self.service

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()
            self.service = None

    def ask(self, verb: str, **arguments: Any) -> Any:
        assert self.service is not None
        return self.service.submit(verb, arguments, USER).result(timeout=PATIENCE_S)

    def await_run(self, *states: RunState) -> None:
        wait_until(f"the run is {states}", lambda: self.service and self.service.view.run_state in states)

    def _configuration(self) -> Configuration:
        detectors = [
            {"name": config.name, "source": "pva", "pv": config.pv, "recorder": name, "frames_factor": factor}
            for factor, (name, config) in enumerate(self.rig.detectors.items(), 1)
        ]
        data: dict[str, Any] = {
            "instrument": {"name": self.rig.instrument},
            "data": {"root": str(self.rig.data_root), "min_free_gib": 0, "low_free_gib": 0},
            "state_dir": str(self.folder / "state"),
            "recorders": [{"name": "east", "device": "test/recorder/east"}],
            "detectors": detectors,
        }
        return parse(data, self.folder / "beamline.toml")


@pytest.fixture
def manager(recorders: TeamRig, tmp_path: Path) -> Iterator[Manager]:
    recorders.renew()
    manager = Manager(recorders, tmp_path)
    manager.start()
    yield manager
    manager.stop()


def test_a_run_over_two_recorders_outlives_a_restart_of_the_manager(
    manager: Manager, pva_detector: DetectorClient
) -> None:
    manager.ask("session_start", name="two")
    manager.ask("run_start", frames=10)  # of the faster detector twice as many
    manager.await_run(RunState.RECORDING)
    service = manager.start()
    wait_until("both are shown", lambda: service.view.report and service.view.report.expected == 30)
    pva_detector.start(10, period=0.005)
    wait_until("main has its frames", lambda: (part := manager.rig.part("main")) and part.own)
    assert service.view.run_state is RunState.RECORDING
    pva_detector.wait()
    pva_detector.start(10, period=0.005)
    manager.await_run(RunState.COMPLETED)
    assert service.view.run is not None
    master = Path(service.view.run.file)
    assert master.name == "run_0001.nxs"
    frames = [stored_frames(master.with_name(f"run_0001_{name}.h5")) for name in ("fast", "twin")]
    assert frames == [10, 20]
    wait_until("all is forgotten", lambda: not manager.rig.team.report().finished)


def test_a_lost_run_can_be_given_up_and_the_next_one_needs_only_who_is_there(
    manager: Manager, pva_detector: DetectorClient
) -> None:
    service = manager.service
    assert service is not None
    manager.ask("session_start", name="lost")
    manager.ask("run_start")
    manager.await_run(RunState.RECORDING)
    pva_detector.start(7, period=0.005)
    wait_until("both have the frames", lambda: manager.rig.written() == [7, 7])
    manager.rig.lines["east"].cut = True
    manager.await_run(RunState.LOST)
    wait_until("a person is told", lambda: "east: The line is cut." in service.view.status)
    assert {"RUN_LOST", "RECORDER_UNREACHABLE"} <= {alarm.code for alarm in service.view.alarms}
    manager.ask("run_abort")
    manager.await_run(RunState.ABORTED)
    wait_until("main is free", lambda: manager.rig.part("main") is None)
    manager.ask("run_start", detectors=["fast"], frames=3)
    manager.await_run(RunState.RECORDING)
    beside = ("RECORDER_UNREACHABLE", Severity.MINOR, "Not in run 2: east: The line is cut.")
    wait_until(
        "the recorder beside the run is told as such",
        lambda: [(item.code, item.severity, item.sentence) for item in service.view.alarms] == [beside],
    )
    pva_detector.start(3, period=0.005)
    manager.await_run(RunState.COMPLETED)
    manager.rig.lines["east"].cut = False
    wait_until("east is free", lambda: manager.rig.part("east") is None)
    wait_until("all is forgotten", lambda: not manager.rig.team.report().finished)
    wait_until("all is well", lambda: service.view.state is DeviceState.ON)
    manager.ask("run_start", frames=1)
    manager.await_run(RunState.RECORDING)
    pva_detector.start(2, period=0.005)
    manager.await_run(RunState.COMPLETED)
