"""A recorder over real detector processes, real PVs and real files."""

from __future__ import annotations

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.model.errors import NotFoundError, RefusedError
from beamsession.model.plan import FileRules
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.lockfile import LockFile
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.run import first_report
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from frozen import freeze, thaw
from recorder_rig import (
    Rig,
    begin,
    fast_detector,
    outcome,
    record,
    state_of,
    stored_frames,
    value_in,
    wait_until,
    written,
)


@pytest.fixture
def rig(beamline: Beamline, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(beamline, tmp_path)
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def lasting(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    rig = Rig(beamline, tmp_path_factory.mktemp("recorder"))
    yield rig.start()
    rig.close()


of_its_own = pytest.mark.parametrize("recorder", ["own"], indirect=True)


@pytest.fixture
def recorder(rig: Rig, request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """The module's, idle and without outcomes; for a test that harms it, one of its own."""
    if hasattr(request, "param"):
        yield rig.start()
        return
    lasting: Recorder = request.getfixturevalue("lasting")
    yield lasting
    if current := lasting.report().current:
        lasting.abort(current.key)
    wait_until("it is idle", lambda: lasting.report().current is None)
    for ended in lasting.report().finished:
        lasting.forget(ended.key)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_stopped_run_has_every_frame_and_is_completed(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    ended = record(recorder, plan, pva_detector, 40)
    assert (ended.state, ended.reason) == (RunState.COMPLETED, "")
    assert (ended.received, ended.written, ended.missing) == (40, 40, 0)
    assert stored_frames(plan.data_file("fast")) == 40
    assert None not in (ended.start, ended.stop)
    assert value_in(plan.master, "entry/run/state") == b"COMPLETED"
    assert len(value_in(plan.master, "entry/instrument/fast/data")) == 40
    assert ended.check == ()
    assert names_in(plan.folder) == ["run_0001.nxs", "run_0001_fast.h5"]


def test_a_run_with_declared_frames_ends_by_itself(rig: Rig, recorder: Recorder, pva_detector: DetectorClient) -> None:
    plan = rig.plan(frames=25)
    begin(recorder, plan)
    pva_detector.start(25, period=0.005)
    ended = outcome(recorder, plan)
    assert (ended.state, ended.written, ended.expected) == (RunState.COMPLETED, 25, 25)


def test_lost_frames_make_the_run_incomplete_and_are_named(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient
) -> None:
    plan = rig.plan(frames=20)
    begin(recorder, plan)
    pva_detector.start(20, period=0.005, drop_every=6)
    ended = outcome(recorder, plan)
    assert ended.state is RunState.INCOMPLETE
    assert ended.missing == 20 - ended.written > 0
    assert sum(gap.count for gap in ended.accounts[0].gaps) == ended.missing
    assert ended.reason.startswith("fast: ")


def test_stop_drains_and_asking_again_changes_nothing(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    recorder.prepare(plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: written(recorder) > 5)
    for _ in range(3):
        recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    recorder.stop(plan.key)
    recorder.prepare(plan)
    assert ended.state is RunState.COMPLETED
    assert ended.received == ended.written == stored_frames(plan.data_file("fast"))
    assert recorder.report().finished == (ended,)


def test_abort_keeps_what_is_written_and_says_so(rig: Rig, recorder: Recorder, pva_detector: DetectorClient) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(0, period=0.005)
    safe = wait_until("frames are written", lambda: written(recorder))
    recorder.abort(plan.key)
    ended = outcome(recorder, plan)
    assert (ended.state, ended.reason) == (RunState.ABORTED, "It was aborted.")
    assert stored_frames(plan.data_file("fast")) == ended.written >= safe


def test_frames_that_come_in_a_pause_are_neither_written_nor_missing(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: written(recorder) > 3)
    recorder.pause(plan.key)
    recorder.pause(plan.key)
    assert state_of(recorder, plan) is RunState.PAUSED
    made = pva_detector.made().frames  # The camera posts its counters every 10 frames or so: they are that much late.
    wait_until("the camera goes on", lambda: pva_detector.made().frames > made + 40)
    recorder.resume(plan.key)
    assert state_of(recorder, plan) is RunState.RECORDING
    before = written(recorder)
    wait_until("frames are written again", lambda: written(recorder) > before)
    recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    pva_detector.stop()
    assert ended.state is RunState.COMPLETED
    assert len(ended.pauses) == 1
    assert ended.pauses[0].stop is not None
    ids = value_in(plan.data_file("fast"), "entry/data/unique_id")
    steps = np.diff(ids)
    assert np.count_nonzero(steps != 1) == 1
    assert steps.max() > 20


def test_a_second_run_is_refused_while_one_is_live_and_names_it(rig: Rig, recorder: Recorder) -> None:
    first, second = rig.plan(1), rig.plan(2)
    begin(recorder, first)
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(second)
    assert refusal.value.code == "RECORDER_BUSY"
    assert str(first.key) in refusal.value.sentence
    assert [problem.code for problem in recorder.check(second)] == ["RECORDER_BUSY"]
    recorder.stop(first.key)
    outcome(recorder, first)
    begin(recorder, second)
    recorder.stop(second.key)
    assert outcome(recorder, second).state is RunState.COMPLETED


@of_its_own
def test_an_outcome_is_kept_over_a_restart_until_it_is_forgotten(rig: Rig, recorder: Recorder) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    recorder.shutdown()
    again = rig.start()
    assert again.report().finished == (ended,)
    assert again.report().boot != recorder.report().boot
    again.forget(plan.key)
    again.forget(plan.key)
    assert again.report().finished == ()
    with pytest.raises(NotFoundError) as unknown:
        again.stop(plan.key)
    assert unknown.value.code == "RUN_UNKNOWN"


def test_a_file_that_exists_is_found_by_check_and_never_touched(rig: Rig, recorder: Recorder) -> None:
    plan = rig.plan()
    plan.folder.mkdir(parents=True)
    plan.data_file("fast").write_bytes(b"precious")
    assert [problem.code for problem in recorder.check(plan)] == ["FILE_EXISTS"]
    recorder.prepare(plan)
    ended = outcome(recorder, plan)
    assert ended.state is RunState.FAILED
    assert "exists already" in ended.reason
    assert plan.data_file("fast").read_bytes() == b"precious"
    assert names_in(plan.folder) == ["run_0001_fast.h5"]


def test_check_tells_every_reason_at_once(rig: Rig, beamline: Beamline) -> None:
    rig.detectors = (fast_detector(beamline, pv="NO:SUCH:PV"),)
    recorder = rig.start()
    plan = rig.plan(min_free_bytes=1 << 62)
    assert {problem.code for problem in recorder.check(plan)} == {"DISK_FULL", "PV_TIMEOUT"}
    missing = rig.plan(data_root=rig.folder / "unmounted", folder=rig.folder / "unmounted" / "x")
    assert {problem.code for problem in recorder.check(missing)} == {"ROOT_MISSING", "PV_TIMEOUT"}
    outside = rig.plan(folder=rig.folder / "outside")
    assert "OUTSIDE_ROOT" in {problem.code for problem in recorder.check(outside)}
    assert all(problem.remedy for problem in recorder.check(plan))


def test_a_detector_that_is_gone_is_a_problem_before_anybody_asks(rig: Rig, beamline: Beamline) -> None:
    rig.detectors = (fast_detector(beamline, pv="NO:SUCH:PV"),)
    recorder = rig.start()
    wait_until("it is noticed", lambda: [problem.code for problem in recorder.report().problems] == ["PV_TIMEOUT"])


def test_nothing_is_found_where_a_run_can_be_recorded(rig: Rig, recorder: Recorder) -> None:
    assert recorder.check(rig.plan()) == ()
    assert list(rig.data_root.iterdir()) == []


def test_one_detector_that_does_not_answer_fails_the_run_and_leaves_nothing(rig: Rig, beamline: Beamline) -> None:
    rig.detectors = (fast_detector(beamline), fast_detector(beamline, "absent", pv="NO:SUCH:PV"))
    recorder = rig.start()
    plan = rig.plan(connect_timeout_s=0.5)
    recorder.prepare(plan)
    ended = outcome(recorder, plan)
    assert ended.state is RunState.FAILED
    assert "NO:SUCH:PV" in ended.reason
    assert (ended.files, ended.master) == ((), None)
    assert list(rig.data_root.iterdir()) == []
    good = rig.plan(2, detectors=rig.detectors[:1])
    begin(recorder, good)
    recorder.stop(good.key)
    assert outcome(recorder, good).state is RunState.COMPLETED


def test_a_run_that_is_aborted_while_it_is_prepared_leaves_nothing(rig: Rig, recorder: Recorder) -> None:
    plan = rig.plan()
    recorder.prepare(plan)
    recorder.abort(plan.key)
    ended = outcome(recorder, plan)
    assert (ended.state, ended.reason) == (RunState.ABORTED, "It was aborted.")
    if ended.files:  # It was recording already.
        assert stored_frames(plan.data_file("fast")) == 0
    else:
        assert list(rig.data_root.iterdir()) == []


def test_folders_and_files_look_as_the_rules_say(rig: Rig, recorder: Recorder) -> None:
    plan = rig.plan(rules=FileRules(file_mode=0o644, folder_mode=0o2755))
    begin(recorder, plan)
    recorder.stop(plan.key)
    outcome(recorder, plan)
    for folder in (plan.folder, plan.folder.parent, plan.folder.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2755
    for file in (plan.master, plan.data_file("fast")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_readings_and_constants_are_in_the_master(rig: Rig, beamline: Beamline, pva_detector: DetectorClient) -> None:
    rig.readings = (ReadingConfig(name="current", pv=f"{beamline.prefix}RingCurrent"),)
    rig.constants = (ConstantConfig(name="energy", pv=f"{beamline.prefix}BeamEnergy", path="/entry/instrument/e"),)
    recorder = rig.start()
    plan = rig.plan()
    begin(recorder, plan)
    wait_until("readings are written", lambda: recorder.report().current.readings > 3)  # type: ignore[union-attr]
    recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    assert ended.state is RunState.COMPLETED
    assert ended.files == (plan.data_file("fast"), plan.readings_file)
    assert len(value_in(plan.master, "entry/instrument/current/value")) == ended.readings > 3
    assert value_in(plan.master, "entry/instrument/e") == value_in(plan.master, "entry/instrument/e_end")


@pytest.mark.crash
def test_readings_that_the_disk_does_not_take_make_the_run_incomplete(
    rig: Rig, beamline: Beamline, pva_detector: DetectorClient
) -> None:
    rig.readings = (ReadingConfig(name="ring", pv=f"{beamline.prefix}RingCurrent"),)
    rig.most_rows = 2  # It posts more often than the table is written.
    recorder, plan = rig.start(), rig.plan()
    begin(recorder, plan)
    pva_detector.start(5, period=0.005)
    pva_detector.wait()
    wait_until("the loss is told while it records", lambda: (recorder.report().current or first_report(plan)).reason)
    wait_until("the frames are written", lambda: written(recorder) == 5)
    recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    assert ended.state is RunState.INCOMPLETE
    assert ended.readings_lost > 0
    assert f"readings: {ended.readings_lost} values were lost" in ended.reason
    assert value_in(plan.readings_file, "/entry/readings/lost").tolist() == [ended.readings_lost]
    assert "values were lost" in value_in(plan.master, "/entry/run/reason").decode()
    assert stored_frames(plan.data_file("fast")) == 5


def test_a_plan_with_the_digest_of_other_readings_is_refused(rig: Rig, recorder: Recorder) -> None:
    plan = rig.plan(readings=(), readings_digest="0" * 32)
    assert [problem.code for problem in recorder.check(plan)] == ["READINGS_DIFFER"]
    with pytest.raises(RefusedError) as refusal:
        recorder.prepare(plan)
    assert refusal.value.code == "READINGS_DIFFER"
    assert recorder.report().current is None


def test_readings_that_die_do_not_take_the_frames_with_them(
    rig: Rig, beamline: Beamline, pva_detector: DetectorClient
) -> None:
    rig.readings = (ReadingConfig(name="current", pv=f"{beamline.prefix}RingCurrent"),)
    recorder = rig.start()
    plan = rig.plan()
    begin(recorder, plan)
    wait_until("readings are written", lambda: recorder.report().current.readings > 3)  # type: ignore[union-attr]
    os.kill(wait_until("it is counted", lambda: recorder.report().pids.get("readings")), 9)
    pva_detector.start(20, period=0.005)
    wait_until("the frames are written", lambda: written(recorder) == 20)
    recorder.stop(plan.key)
    ended = outcome(recorder, plan)
    assert (ended.state, ended.written, ended.missing) == (RunState.INCOMPLETE, 20, 0)
    assert ended.reason.startswith("readings: ")
    with h5py.File(plan.readings_file, "r") as file:
        assert len(file) > 0


@of_its_own
@pytest.mark.crash
@pytest.mark.parametrize("role", ["receiver", "writer"])
def test_a_killed_process_ends_the_run_with_what_is_safe(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient, role: str
) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(0, period=0.005)
    safe = wait_until("frames are written", lambda: written(recorder) if written(recorder) > 10 else 0)
    os.kill(recorder.report().pids[f"fast.{role}"], 9)
    ended = outcome(recorder, plan)
    pva_detector.stop()
    assert ended.state is RunState.ABORTED
    assert f"the {role} process of fast died (signal 9)" in ended.reason
    assert stored_frames(plan.data_file("fast")) == ended.written >= safe
    assert not LockFile.is_held(plan.data_file("fast"))
    assert value_in(plan.master, "entry/run/state") == b"ABORTED"
    assert len(value_in(plan.master, "entry/instrument/fast/data")) == ended.written
    after: RunReport = record(recorder, rig.plan(2), pva_detector, 10)
    assert (after.state, after.written) == (RunState.COMPLETED, 10)


@of_its_own
def test_shutdown_closes_a_live_run_in_order(rig: Rig, recorder: Recorder, pva_detector: DetectorClient) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: written(recorder) > 3)
    recorder.shutdown()
    pva_detector.stop()
    ended = rig.start().report().finished[0]
    assert (ended.state, ended.reason) == (RunState.ABORTED, "The recorder was stopped.")
    assert stored_frames(plan.data_file("fast")) == ended.written == ended.received


def test_a_disk_that_is_full_ends_the_run_with_what_is_safe(rig: Rig, pva_detector: DetectorClient) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Its processes may write files of 20 MiB, about 200 frames; this one may write what it likes.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 << 20, before[1]))
    try:
        recorder = rig.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(0, period=0.002)
    ended = outcome(recorder, plan)
    pva_detector.stop()
    assert ended.state is RunState.ABORTED
    assert "disk full" in ended.reason
    assert stored_frames(plan.data_file("fast")) == ended.written > 50


@of_its_own
@pytest.mark.crash
def test_a_recorder_that_dies_while_the_master_is_closed_keeps_the_verdict(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient, tmp_path: Path
) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(5, period=0.005)
    wait_until("the frames are written", lambda: written(recorder) == 5)
    scribe = recorder.report().pids["scribe"]
    freeze(scribe)
    try:
        recorder.stop(plan.key)
        wait_until("its verdict is safe", lambda: (run := recorder.report().current) and run.own)
        # What a killed process leaves is its journal; the lock of the living one is left out.
        shutil.copytree(rig.journal, tmp_path / "left", ignore=shutil.ignore_patterns("*lock*"))
        next_one = Recorder("rig", {}, partial(ReadingsRecorder, (), ()), tmp_path / "left")
        rig.recorders.append(next_one)
        assert outcome(next_one, plan).state is RunState.COMPLETED
    finally:
        thaw(scribe)
    assert outcome(recorder, plan).state is RunState.COMPLETED


@of_its_own
def test_a_writer_that_hangs_is_told_and_abort_gives_it_up(
    rig: Rig, recorder: Recorder, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    begin(recorder, plan)
    pva_detector.start(20, period=0.005)
    wait_until("the frames are written", lambda: written(recorder) == 20)
    writer = recorder.report().pids["fast.writer"]
    freeze(writer)
    try:
        recorder.stop(plan.key)
        wait_until("it is told", lambda: (run := recorder.report().current) and "abort gives up" in run.reason)
        assert state_of(recorder, plan) is RunState.DRAINING
        recorder.abort(plan.key)
        ended = outcome(recorder, plan)
    finally:
        thaw(writer)
    assert (ended.state, ended.written) == (RunState.ABORTED, 20)
    wait_until("the file is closed after all", lambda: not LockFile.is_held(plan.data_file("fast")))
    assert stored_frames(plan.data_file("fast")) == 20


def test_a_pause_after_one_of_two_detectors_has_its_frames_is_for_the_other_only(
    beamline: Beamline, tmp_path: Path, pva_detector: DetectorClient
) -> None:
    detectors = (fast_detector(beamline, "single"), fast_detector(beamline, "double", frames_factor=2))
    rig = Rig(beamline, tmp_path, detectors)
    try:
        recorder, plan = rig.start(), rig.plan(frames=6)
        begin(recorder, plan)
        pva_detector.start(6)
        wait_until("both have six", lambda: written(recorder) == 12)
        recorder.pause(plan.key)
        wait_until("it is paused", lambda: state_of(recorder, plan) is RunState.PAUSED)
        recorder.resume(plan.key)
        wait_until("it records again", lambda: state_of(recorder, plan) is RunState.RECORDING)
        pva_detector.start(6)
        ended = outcome(recorder, plan)
    finally:
        rig.close()
    assert (ended.state, ended.reason) == (RunState.COMPLETED, "")
    assert [account.written for account in ended.accounts] == [6, 12]
    assert len(ended.pauses) == 1
