"""What is left when a process of an external detector's run is killed: ours, the recorder's, or the IOC's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from beamsession.model.plan import RunPlan
from beamsession.model.states import RunState
from beamsession.record.external.pvs import Pvs, SilentError
from beamsim.running import Beamline
from external_rig import CAM, HDF, Ioc, armed, camera, serving, station
from frozen import freeze
from recorder_rig import outcome, value_in, wait_until, written

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def running_ioc(beamline: Beamline) -> Iterator[Ioc]:
    with serving() as ioc:
        yield ioc


@pytest.fixture
def ioc(running_ioc: Ioc) -> Ioc:
    running_ioc.reset()
    return running_ioc


def frames_in(path: Path) -> int:
    """As a program finds them that opens the file plainly."""
    with h5py.File(path, "r") as file:
        return len(file["entry/data/data"])  # type: ignore[arg-type]


def killed(folder: Path, kind: str) -> RunPlan:
    """The run that a recorder was recording when it and its process were killed at the same moment."""
    program = [sys.executable, str(Path(__file__).with_name("killed_station.py")), str(folder), kind]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        worker = told["pids"]["cam" if kind == "camera" else "counter"]
        freeze(worker)  # So that it does not end the run when it notices.
        process.kill()
        process.wait()
        os.kill(worker, signal.SIGKILL)
    return RunPlan.model_validate(told["plan"])


def test_the_process_of_a_camera_is_killed_and_another_one_closes_the_file(ioc: Ioc, tmp_path: Path) -> None:
    with station(tmp_path, camera()) as made:
        plan = made.plan()
        made.begin(plan)
        safe = wait_until("frames are written", lambda: written(made.recorder))
        os.kill(made.recorder.report().pids["cam"], signal.SIGKILL)
        ended = outcome(made.recorder, plan)
        assert ended.state is RunState.ABORTED
        assert "the process of cam died (signal 9)" in ended.reason
        assert not ioc.get(f"{HDF}Capture_RBV")
        assert not ioc.get(f"{CAM}Acquire_RBV")
        assert frames_in(plan.data_file("cam")) == ended.written >= safe
        assert len(value_in(plan.master, "entry/instrument/cam/data")) == ended.written
        after = made.run(made.plan(frames=10))
        assert (after.state, after.written) == (RunState.COMPLETED, 10)


def test_a_recorder_that_comes_back_ends_the_capture_and_counts_the_file(ioc: Ioc, tmp_path: Path) -> None:
    plan = killed(tmp_path, "camera")
    assert ioc.get(f"{HDF}Capture_RBV")
    with station(tmp_path, camera()) as made:
        ended = outcome(made.recorder, plan)
        assert ended.state is RunState.ABORTED
        assert not ioc.get(f"{HDF}Capture_RBV")
        assert not ioc.get(f"{CAM}Acquire_RBV")
        assert frames_in(plan.data_file("cam")) == ended.written > 0
        assert (ended.files, ended.check) == ((plan.data_file("cam"),), ())


def test_a_recorder_that_comes_back_disarms(ioc: Ioc, tmp_path: Path) -> None:
    plan = killed(tmp_path, "armed")
    assert ioc.get(f"{CAM}Acquire_RBV")
    with station(tmp_path, armed()) as made:
        ended = outcome(made.recorder, plan)
        assert (ended.state, ended.files) == (RunState.ABORTED, ())
        wait_until("it is disarmed", lambda: not ioc.get(f"{CAM}Acquire_RBV"))


def test_an_ioc_that_dies_while_it_is_asked_is_silent(ioc: Ioc) -> None:
    """Channel Access then ends what was asked with an error of its own."""
    name = f"{CAM}Acquire_RBV"
    pvs = Pvs([name])
    wait_until("it answers", lambda: not pvs.unconnected([name]) and pvs.number(name) == 0)
    freeze(ioc.pid)
    death = threading.Timer(0.5, ioc.kill)
    death.start()
    with pytest.raises(SilentError):
        pvs.number(name, timeout=60)
    death.join()
    ioc.start()
    wait_until("it is back", lambda: pvs.has(name) and pvs.number(name) == 0)


def test_an_ioc_that_dies_ends_the_run_with_what_is_in_the_file(ioc: Ioc, tmp_path: Path) -> None:
    with station(tmp_path, camera()) as made:
        plan = made.plan()
        made.begin(plan)
        safe = wait_until("frames are written", lambda: written(made.recorder))
        ioc.kill()
        ended = outcome(made.recorder, plan)
        assert ended.state is RunState.ABORTED
        assert "the IOC of cam is gone" in ended.reason
        with h5py.File(plan.data_file("cam"), "r", swmr=True) as file:
            assert len(file["entry/data/data"]) == ended.written >= safe  # type: ignore[arg-type]
        ioc.start()
        wait_until("it is back", lambda: not made.recorder.check(made.plan()))
        after = made.run(made.plan(frames=5))
        assert (after.state, after.written) == (RunState.COMPLETED, 5)
