"""One run over two real recorders: each writes its part, the leading one the master, and nobody waits in vain."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import h5py
import pytest

from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.team import recorder_team
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from recorder_rig import stored_frames, value_in, wait_until
from team_rig import TeamRig


@pytest.fixture(scope="module")
def recorders(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamRig]:
    rig = TeamRig(beamline, tmp_path_factory.mktemp("team"))
    yield rig
    rig.close()


@pytest.fixture
def rig(recorders: TeamRig) -> TeamRig:
    recorders.renew()
    return recorders


def files_of(plan: RunPlan) -> list[str]:
    return sorted(path.name for path in plan.folder.iterdir()) if plan.folder.exists() else []


def linked(plan: RunPlan) -> dict[str, int]:
    """Frames that the master leads to, by detector."""
    with h5py.File(plan.master) as file:
        return {name: len(file[f"entry/{name}/data"]) for name in ("fast", "twin")}  # pyright: ignore


def test_a_run_over_two_recorders_has_one_master_and_ends_by_itself(rig: TeamRig, pva_detector: DetectorClient) -> None:
    plan = rig.plan(frames=25)
    assert not [problem for problem in rig.team.check(plan) if problem.blocks]
    rig.begin(plan)
    current = rig.new_team().report().current  # a restarted manager goes on
    assert current is not None
    assert (current.expected, [part.recorder for part in current.parts]) == (50, ["main", "east"])
    pva_detector.start(25, period=0.005)
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.reason, ended.check) == (RunState.COMPLETED, "", ())
    assert [(item.detector, item.written, item.expected) for item in ended.accounts] == [
        ("fast", 25, 25),
        ("twin", 25, 25),
    ]
    assert ended.readings > 0
    assert linked(plan) == {"fast": 25, "twin": 25}
    assert value_in(plan.master, "entry/run/state") == b"COMPLETED"
    assert value_in(plan.master, "entry/instrument/twin/completeness/written") == 25
    assert files_of(plan) == ["run_0001.nxs", "run_0001_fast.h5", "run_0001_readings.h5", "run_0001_twin.h5"]
    rig.team.forget(plan.key)
    assert rig.team.report().finished == ()
    assert all(line.recorder.report().finished == () for line in rig.lines.values())


def test_nobody_records_before_all_are_prepared(rig: TeamRig, pva_detector: DetectorClient) -> None:
    plan = rig.plan()
    rig.lines["east"].cut = True
    with pytest.raises(UnavailableError):
        rig.team.prepare(plan)
    wait_until("main is prepared", lambda: (part := rig.part("main")) and part.start)
    pva_detector.start(5, period=0.005)
    pva_detector.wait()
    rig.lines["east"].cut = False
    report = rig.team.report().current
    assert report is not None
    assert [part.state for part in report.parts] == [RunState.PREPARING, RunState.NONE]
    rig.begin(plan)
    pva_detector.start(10, period=0.005)
    wait_until("both have the frames", lambda: rig.written() == [10, 10])
    rig.team.stop(plan.key)
    assert rig.await_outcome(plan).state is RunState.COMPLETED
    assert linked(plan) == {"fast": 10, "twin": 10}


def test_what_one_recorder_refuses_fails_the_run_and_leaves_nothing(rig: TeamRig) -> None:
    plan = rig.plan()
    plan.folder.mkdir(parents=True)
    plan.data_file("twin").write_text("precious")
    assert [problem.sentence[:5] for problem in rig.team.check(plan)] == ["east:"]
    rig.team.prepare(plan)
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.reason[:5]) == (RunState.FAILED, "east:")
    assert files_of(plan) == ["run_0001_twin.h5"]
    assert plan.data_file("twin").read_text() == "precious"


def test_a_recorder_at_work_on_another_run_is_named_and_the_others_let_go(rig: TeamRig) -> None:
    other = rig.plan(2, detectors=(rig.detectors["east"].model_copy(update={"recorder": None}),), readings=())
    other = other.model_copy(update={"key": other.key.model_copy(update={"instrument": "elsewhere"})})
    rig.lines["east"].recorder.prepare(other)
    plan = rig.plan()
    with pytest.raises(RefusedError, match="east: The recorder is recording") as refusal:
        rig.team.prepare(plan)
    assert refusal.value.code == "RECORDER_BUSY"
    assert rig.await_outcome(plan).state in (RunState.ABORTED, RunState.FAILED)
    assert "run_0001.nxs" not in files_of(plan)
    part = rig.part("east")
    assert part is not None
    assert part.key == other.key


def test_pause_and_resume_reach_all(rig: TeamRig, pva_detector: DetectorClient) -> None:
    plan = rig.plan()
    rig.begin(plan)
    rig.team.pause(plan.key)
    rig.await_state(RunState.PAUSED)
    pva_detector.start(5, period=0.005)
    pva_detector.wait()
    rig.team.resume(plan.key)
    rig.await_state(RunState.RECORDING)
    pva_detector.start(8, period=0.005)
    wait_until("both have the frames", lambda: rig.written() == [8, 8])
    rig.team.stop(plan.key)
    ended = rig.await_outcome(plan)
    assert (ended.state, len(ended.pauses), linked(plan)) == (RunState.COMPLETED, 1, {"fast": 8, "twin": 8})


@pytest.mark.parametrize("victim", ["main", "east"])
def test_a_part_that_breaks_ends_the_run_and_the_others_keep_every_frame(
    rig: TeamRig, pva_detector: DetectorClient, victim: str
) -> None:
    plan = rig.plan()
    rig.begin(plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: min(rig.written()) > 5)
    detector = rig.detectors[victim].name
    os.kill(rig.lines[victim].recorder.report().pids[f"{detector}.receiver"], signal.SIGKILL)
    ended = rig.await_outcome(plan)
    pva_detector.stop()
    assert ended.state is RunState.ABORTED
    assert f"{victim}: {detector}: " in ended.reason
    assert linked(plan) == {item.detector: item.written for item in ended.accounts}
    survivor = next(item for item in ended.accounts if item.detector != detector)
    assert survivor.is_complete
    assert survivor.received == survivor.written > 5
    assert value_in(plan.master, "entry/run/state") == b"ABORTED"


def test_a_recorder_that_is_gone_loses_the_run_and_its_return_brings_the_verdict(
    rig: TeamRig, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    rig.begin(plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: min(rig.written()) > 5)
    rig.lines["east"].cut = True
    lost = rig.await_state(RunState.LOST)
    assert lost.reason.startswith("main: The recorder 'east'") or "east: " in lost.reason
    waiting = wait_until("main has closed its file", lambda: (part := rig.part("main")) and part.own and part)
    assert stored_frames(plan.data_file("fast")) == waiting.written
    rig.new_team()
    assert rig.await_state(RunState.LOST).written >= waiting.written
    rig.lines["east"].cut = False
    ended = rig.await_outcome(plan)
    pva_detector.stop()
    assert ended.state is RunState.ABORTED
    assert "The recorder 'east' cannot be reached" in ended.reason
    assert linked(plan) == {item.detector: item.written for item in ended.accounts}
    assert all(item.is_complete for item in ended.accounts)


def test_a_lost_run_that_is_given_up_is_concluded_without_the_recorder_that_is_gone(
    rig: TeamRig, pva_detector: DetectorClient
) -> None:
    plan = rig.plan()
    rig.begin(plan)
    pva_detector.start(10, period=0.005)
    wait_until("both have the frames", lambda: rig.written() == [10, 10])
    rig.lines["east"].cut = True
    rig.await_state(RunState.LOST)
    wait_until("main has closed its file", lambda: (part := rig.part("main")) and part.own)
    wait_until("it is known", lambda: (run := rig.current()) and run.parts[0].state is RunState.ABORTED)
    rig.team.abort(plan.key)
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.parts[1].state) == (RunState.ABORTED, RunState.LOST)
    assert "east: The recorder cannot be reached." in ended.reason
    rig.team.forget(plan.key)
    rig.lines["east"].cut = False
    east = rig.lines["east"].recorder

    def news() -> tuple[RunReport, ...]:
        report = rig.team.report()
        return (*report.live, *report.finished)

    def east_is_done() -> bool:
        assert news() == ()  # the run has its verdict: what east has still to end is no news
        report = east.report()
        return report.current is None and all(run.key != plan.key for run in report.finished)

    wait_until("east ends its part and forgets it", east_is_done)
    assert linked(plan) == {"fast": 10, "twin": 10}


def test_a_leading_recorder_waits_for_the_others_also_after_its_restart(
    rig: TeamRig, pva_detector: DetectorClient
) -> None:
    plan = rig.plan(frames=10)
    rig.begin(plan)
    pva_detector.start(10, period=0.005)  # nobody asks the team: the leading recorder has to wait
    wait_until("main has closed its file", lambda: (part := rig.part("main")) and part.own)
    rig.restart("main")
    part = wait_until("main waits again", lambda: rig.part("main"))
    assert (part.own, part.state) == (RunState.COMPLETED, RunState.DRAINING)
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.check) == (RunState.COMPLETED, ())
    assert linked(plan) == {"fast": 10, "twin": 10}
    assert value_in(plan.master, "entry/sample/current") > 0
    assert value_in(plan.master, "entry/sample/current_end") > 0  # read before the restart


def test_a_data_file_that_the_leading_recorder_does_not_see_is_told(rig: TeamRig, pva_detector: DetectorClient) -> None:
    plan = rig.plan(frames=5)
    rig.begin(plan)
    pva_detector.start(5, period=0.005)
    wait_until("main has closed its file", lambda: (part := rig.part("main")) and part.own)
    wait_until("east has ended", lambda: rig.part("east") is None)
    plan.data_file("twin").rename(rig.folder / "another disk.h5")
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.written) == (RunState.INCOMPLETE, 10)
    assert ended.reason == "main: It does not see run_0001_twin.h5: is it another disk?"
    assert any("run_0001_twin.h5" in complaint for complaint in ended.check or ())


def test_a_run_needs_only_the_recorders_of_its_detectors(rig: TeamRig, pva_detector: DetectorClient) -> None:
    rig.lines["east"].cut = True
    plan = rig.plan(frames=5, detectors=(rig.detectors["main"],))
    wait_until(
        "a person is told", lambda: [item.code for item in rig.team.report().problems] == ["RECORDER_UNREACHABLE"]
    )
    assert [item.code for item in rig.team.check(rig.plan())] == ["RECORDER_UNREACHABLE"]
    assert rig.team.check(plan) == ()
    rig.begin(plan)
    pva_detector.start(5, period=0.005)
    assert rig.await_outcome(plan).state is RunState.COMPLETED
    assert files_of(plan) == ["run_0001.nxs", "run_0001_fast.h5", "run_0001_readings.h5"]
    rig.team.forget(plan.key)


def test_a_run_of_the_first_recorder_alone_is_told_as_if_there_were_no_other(rig: TeamRig) -> None:
    alone = rig.plan(detectors=(rig.detectors["main"],))
    alone.folder.mkdir(parents=True)
    alone.master.write_text("precious")
    assert [problem.sentence for problem in rig.team.check(alone)] == [
        f"{alone.master} exists already and is never overwritten."
    ]
    assert [problem.sentence[:6] for problem in rig.team.check(rig.plan())] == ["main: "]
    alone.master.unlink()
    other = alone.model_copy(update={"key": alone.key.model_copy(update={"instrument": "elsewhere"})})
    rig.lines["main"].recorder.prepare(other)
    with pytest.raises(RefusedError, match=r"^The recorder is recording run"):
        rig.team.prepare(alone)


def test_a_leading_recorder_with_readings_only_ends_with_the_others(rig: TeamRig, pva_detector: DetectorClient) -> None:
    plan = rig.plan(frames=5, detectors=(rig.detectors["east"],))
    rig.begin(plan)
    pva_detector.start(5, period=0.005)
    ended = rig.await_outcome(plan)
    assert (ended.state, ended.written, ended.check) == (RunState.COMPLETED, 5, ())
    assert files_of(plan) == ["run_0001.nxs", "run_0001_readings.h5", "run_0001_twin.h5"]


def test_a_recorder_that_hangs_is_waited_for_once(rig: TeamRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_team, "_PATIENCE_S", 1.0)
    rig.team.report()
    rig.lines["east"].free.clear()
    rig.team.report()
    began = time.monotonic()
    for _ in range(5):
        assert rig.team.report().silent.keys() == {"east"}
    assert rig.team.disk(rig.data_root).writable
    assert time.monotonic() - began < 1.0 * 5
    rig.lines["east"].free.set()
    wait_until("it is heard again", lambda: not rig.team.report().silent)
