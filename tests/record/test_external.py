"""Detectors whose frames others write, on an IOC that behaves as areaDetector's."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import h5py
import pytest

from beamsession.model.completeness import Gap
from beamsession.model.detector import AreaDetector, ExternalConfig, Put
from beamsession.model.errors import UnavailableError
from beamsession.model.plan import FileRules
from beamsession.model.states import RunState
from beamsession.record.external import detector as external
from beamsession.record.external.detector import ExternalDetector
from beamsim.running import Beamline
from external_rig import CAM, HDF, IDS, Ioc, Station, armed, camera, serving, station
from recorder_rig import outcome, value_in, wait_until, written


@pytest.fixture(scope="module")
def running_ioc(beamline: Beamline) -> Iterator[Ioc]:
    with serving() as ioc:
        yield ioc


@pytest.fixture
def ioc(running_ioc: Ioc) -> Ioc:
    running_ioc.reset()
    return running_ioc


@pytest.fixture(scope="module")
def shared(running_ioc: Ioc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with station(tmp_path_factory.mktemp("shared"), camera()) as made:
        yield made


@pytest.fixture(scope="module")
def watching(running_ioc: Ioc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with station(tmp_path_factory.mktemp("watching"), camera(), camera("watched", drive=False)) as made:
        yield made


def ids_in(path: Path) -> list[int]:
    """The unique ids in a closed file, after each frame was seen to be the one its id says."""
    with h5py.File(path, "r") as file:
        data, ids = file["entry/data/data"], file[IDS]
        assert isinstance(data, h5py.Dataset)
        assert isinstance(ids, h5py.Dataset)
        assert [int(frame[0, 0]) for frame in data] == [unique_id & 0xFFFF for unique_id in ids]
        return [int(unique_id) for unique_id in ids]


def test_a_run_with_declared_frames_is_completed_and_all_is_put_back(shared: Station, ioc: Ioc) -> None:
    plan = shared.plan(frames=30, rules=FileRules(file_mode=0o604))
    ended = shared.run(plan)
    assert (ended.state, ended.reason) == (RunState.COMPLETED, "")
    assert (ended.expected, ended.received, ended.written, ended.missing) == (30, 30, 30, 0)
    path = plan.data_file("cam")
    ids = ids_in(path)
    assert ids == list(range(ids[0], ids[0] + 30))
    assert path.stat().st_mode & 0o777 == 0o604
    assert ended.check == ()
    assert len(value_in(plan.master, "entry/instrument/cam/data")) == 30
    assert list(value_in(plan.master, "entry/instrument/cam/sequence_number")) == ids
    times = value_in(plan.master, "entry/cam/time")
    assert len(times) == 30
    assert 0 <= times[0] < times[-1] < 60
    assert (ioc.get(f"{HDF}EnableCallbacks_RBV"), ioc.get(f"{CAM}ArrayCallbacks_RBV")) == (0, 0)
    assert ioc.get(f"{CAM}ImageMode") == 2


def test_an_open_ended_run_is_read_while_it_grows_and_drained_when_stopped(shared: Station, ioc: Ioc) -> None:
    ioc.put(f"{HDF}QueueSize", 500)
    ioc.put(f"{HDF}WriteDelay", 0.008)  # slower than the camera: the queue fills
    plan = shared.plan()
    shared.begin(plan)
    safe = wait_until("frames are safe", lambda: written(shared.recorder))
    with h5py.File(plan.data_file("cam"), "r", swmr=True) as file:
        assert len(file["entry/data/data"]) >= safe  # type: ignore[arg-type]
    wait_until("the queue fills", lambda: ioc.get(f"{HDF}QueueFree") < 480)
    ended = shared.stop(plan)
    assert (ended.state, ended.missing) == (RunState.COMPLETED, 0)
    assert not ioc.get(f"{CAM}Acquire_RBV")
    ids = ids_in(plan.data_file("cam"))
    assert len(ids) == ended.written
    assert ids[-1] == ioc.get(f"{CAM}ArrayCounter_RBV")


def test_frames_that_the_queue_drops_make_the_run_incomplete_and_are_named(shared: Station, ioc: Ioc) -> None:
    ioc.put(f"{HDF}WriteDelay", 0.02)
    plan = shared.plan(frames=60)
    ended = shared.run(plan)
    assert ended.state is RunState.INCOMPLETE
    account = ended.accounts[0]
    ids = ids_in(plan.data_file("cam"))
    assert account.written == len(ids) < 60
    assert account.missing == 60 - len(ids)
    assert account.dropped_by_detector == account.missing
    gaps = [Gap(first=a + 1, last=b - 1) for a, b in pairwise(ids) if b - a > 1]
    assert list(account.gaps) == gaps
    assert not ioc.get(f"{HDF}Capture_RBV")
    assert ended.check == ()


def test_a_paused_run_stops_the_camera_and_goes_on_to_its_number(shared: Station, ioc: Ioc) -> None:
    ioc.put(f"{CAM}AcquirePeriod", 0.5)
    plan = shared.plan(frames=40)
    shared.begin(plan)
    wait_until("frames are written", lambda: written(shared.recorder))
    shared.recorder.pause(plan.key)
    wait_until("the camera has stopped", lambda: not ioc.get(f"{CAM}Acquire_RBV"))
    made = ioc.get(f"{CAM}ArrayCounter_RBV")
    ioc.put(f"{CAM}AcquirePeriod", 0.005)
    assert ioc.get(f"{CAM}ArrayCounter_RBV") == made
    shared.recorder.resume(plan.key)
    ended = outcome(shared.recorder, plan)
    assert (ended.state, ended.written) == (RunState.COMPLETED, 40)
    ids = ids_in(plan.data_file("cam"))
    assert ids == list(range(ids[0], ids[0] + 40))
    assert len(ended.pauses) == 1


def test_abort_ends_the_capture_at_once(shared: Station, ioc: Ioc) -> None:
    plan = shared.plan()
    shared.begin(plan)
    safe = wait_until("frames are written", lambda: written(shared.recorder))
    shared.recorder.abort(plan.key)
    ended = outcome(shared.recorder, plan)
    assert (ended.state, ended.reason) == (RunState.ABORTED, "It was aborted.")
    assert not ioc.get(f"{HDF}Capture_RBV")
    wait_until("the camera has stopped", lambda: not ioc.get(f"{CAM}Acquire_RBV"))
    assert len(ids_in(plan.data_file("cam"))) == ended.written >= safe


def test_a_run_without_frames_still_has_a_file_that_can_be_opened(shared: Station, ioc: Ioc) -> None:
    ioc.put(f"{CAM}AcquirePeriod", 3.0)
    plan = shared.plan()
    shared.begin(plan)
    ended = shared.stop(plan)
    assert (ended.state, ended.written) == (RunState.COMPLETED, 0)
    assert ids_in(plan.data_file("cam")) == []
    assert ended.check == ()


def test_a_file_that_exists_is_never_touched(shared: Station, ioc: Ioc) -> None:
    plan = shared.plan(frames=3)
    plan.folder.mkdir(parents=True, exist_ok=True)
    plan.data_file("cam").write_bytes(b"precious")
    ended = shared.run(plan)
    assert ended.state is RunState.FAILED
    assert "exists already" in ended.reason
    assert plan.data_file("cam").read_bytes() == b"precious"


@pytest.mark.parametrize("drive", [True, False])
def test_a_file_that_the_plugin_cannot_open_ends_the_run_with_what_it_said_and_what_to_do(
    watching: Station, ioc: Ioc, drive: bool
) -> None:
    ioc.put(f"{HDF}OpenFails", 1)
    ioc.put(f"{CAM}ArrayCallbacks", 1)
    if not drive:
        ioc.put(f"{CAM}Acquire", 1, wait=False)
    plan = watching.plan(detectors=(watching.detectors[0 if drive else 1],))
    watching.recorder.prepare(plan)
    ended = outcome(watching.recorder, plan)
    assert (ended.state, ended.written) == (RunState.ABORTED, 0)
    assert f"Error opening file {plan.folder}/" in ended.reason
    assert "see whether the IOC's account may write there" in ended.reason
    ioc.put(f"{HDF}OpenFails", 0)
    if drive:
        after = watching.run(watching.plan(frames=3, detectors=watching.detectors[:1]))
        assert (after.state, after.written) == (RunState.COMPLETED, 3)


def test_only_what_the_plugin_has_flushed_counts_as_written_before_the_file_is_closed(
    shared: Station, ioc: Ioc
) -> None:
    ioc.put(f"{HDF}NumFramesFlush", 25)
    plan = shared.plan()
    shared.begin(plan)
    for _ in range(3):
        safe = wait_until("frames are safe", lambda: written(shared.recorder))
        assert safe % 25 == 0
    assert shared.stop(plan).state is RunState.COMPLETED


def test_check_names_everything_that_is_in_the_way(shared: Station, ioc: Ioc) -> None:
    plan = shared.plan()
    wait_until("nothing is in the way", lambda: shared.recorder.check(plan) == ())
    ioc.put(f"{HDF}FileWriteMode", "Stream")
    ioc.put(f"{HDF}LazyOpen", 1)
    ioc.put(f"{HDF}Capture", 1, wait=False)
    ioc.put(f"{CAM}Acquire", 1, wait=False)
    wait_until("both are busy", lambda: ioc.get(f"{HDF}Capture_RBV") and ioc.get(f"{CAM}Acquire_RBV"))
    problems = shared.recorder.check(plan)
    assert {problem.code for problem in problems} == {"CAPTURE_BUSY", "CAMERA_BUSY"}
    assert all(problem.remedy for problem in problems)
    ended = shared.run(shared.plan(frames=3))
    assert ended.state is RunState.FAILED
    assert "capturing already" in ended.reason
    assert ioc.get(f"{HDF}Capture_RBV") == 1


def test_a_pause_after_the_last_declared_frame_changes_nothing(shared: Station, ioc: Ioc) -> None:
    plan = shared.plan(frames=3)
    detector = ExternalDetector(camera())
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        detector.prepare(plan)
        detector.arm()
        wait_until("its file is closed", lambda: detector.progress().closed)
        detector.pause(0)
        detector.resume(0)
        ended = detector.progress()
        assert (ended.failure, ended.account.written, ended.account.missing) == ("", 3, 0)
        assert not ioc.get(f"{CAM}Acquire_RBV")
    finally:
        detector.shutdown()


ARMED = armed(arm=(Put(pv=f"{CAM}Acquire", value=1, wait=False, timeout_s=0.1),))


@pytest.mark.parametrize("config", [camera(), ARMED], ids=["camera", "armed"])
def test_a_preparation_that_ends_too_late_is_undone(
    shared: Station, ioc: Ioc, config: ExternalConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = shared.plan(detectors=(config,), connect_timeout_s=0.2)
    plan.folder.mkdir(parents=True, exist_ok=True)
    detector = ExternalDetector(config)
    try:
        wait_until("it could begin", lambda: not detector.check() and not ioc.get(f"{HDF}EnableCallbacks_RBV"))
        os.kill(detector.pids()[config.name], signal.SIGSTOP)
        monkeypatch.setattr(external, "_START_S", 0.2)
        monkeypatch.setattr(AreaDetector, "prepare_s", 0.0)
        with pytest.raises(UnavailableError) as late:
            detector.prepare(plan)
        assert late.value.code == "PROCESS_TIMEOUT"
        monkeypatch.undo()
        os.kill(detector.pids()[config.name], signal.SIGCONT)
        assert detector.check() == ()  # It has done all that before.
        assert not ioc.get(f"{HDF}Capture_RBV")
        wait_until("its callbacks are as before", lambda: not ioc.get(f"{HDF}EnableCallbacks_RBV"))
        wait_until("the camera stands still", lambda: not ioc.get(f"{CAM}Acquire_RBV"))
        assert not plan.data_file(config.name).exists()
        assert detector.progress().closed
    finally:
        detector.shutdown()
