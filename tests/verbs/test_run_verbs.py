"""Runs, asked for by verbs and lived by the real recorder engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from beamsession.model.detector import PvaDetector
from beamsession.model.plan import RunKey
from beamsession.model.report import RunReport
from beamsession.model.run import Run
from beamsession.model.states import RunIntent, RunState, SessionState
from beamsession.record.recorder import Recorder
from verb_desk import USER, WORKER, Desk, open_desk


@pytest.fixture
def opened(desk: Desk) -> Desk:
    """A desk with a session."""
    desk.ask("session_start", name="runs")
    return desk


def key(run: Run) -> RunKey:
    return RunKey(instrument="beamline", session_id=run.session_id, run_number=run.number)


def test_a_run_is_recorded_stopped_and_completed(opened: Desk) -> None:
    assert opened.record(title="θ scan", metadata={"energy": 12.4}) == 1
    assert (opened.run.state, opened.run.title) == (RunState.RECORDING, "θ scan")
    opened.ask("run_stop")
    assert (opened.run.state, opened.run.intent) == (RunState.DRAINING, RunIntent.STOP)
    ended = opened.drain()
    run = opened.store.run(opened.session.id, 1)
    assert (run.state, run.reason, run.file) == (RunState.COMPLETED, "", str(ended.master))
    assert RunReport.model_validate(run.report) == ended
    with h5py.File(run.file) as master:
        title = master["entry/title"]
        assert isinstance(title, h5py.Dataset)
        assert title.asstr()[()] == "θ scan"
    assert opened.kinds()[1:] == ["run_started", "run_recording", "run_stopping", "run_completed"]


def test_runs_are_numbered_in_their_session(opened: Desk) -> None:
    assert [opened.record(), opened.drain() and opened.record()] == [1, 2]
    opened.drain()
    opened.ask("session_start", name="next")
    assert opened.ask("run_start") == 1
    assert [run["number"] for run in opened.ask("run_list", session=1)] == [1, 2]
    assert opened.ask("run_show", session=1, run=2)["state"] == "COMPLETED"
    assert opened.refused("run_show", session=1, run=3).code == "RUN_NOT_FOUND"


def test_one_run_at_a_time(opened: Desk) -> None:
    opened.record()
    assert opened.refused("run_start").text == "A run is still open. Stop it with StopRun, or discard it with AbortRun."
    opened.ask("run_stop")
    assert opened.refused("run_start").sentence == "The last run is still being written."
    assert opened.refused("run_stop").code == "WRONG_STATE"


@pytest.mark.parametrize("verb", ["run_stop", "run_abort"])
def test_without_a_run_there_is_nothing_to_end(opened: Desk, verb: str) -> None:
    assert opened.refused(verb).text == "No run is open. Start one with StartRun."


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"frames": 0}, "BAD_FRAMES"),
        ({"frames": 2**70}, "BAD_ARGUMENTS"),
        ({"detectors": ["nobody"]}, "UNKNOWN_DETECTOR"),
        ({"title": "x" * 201}, "BAD_TITLE"),
        ({"metadata": {"a": float("nan")}}, "BAD_METADATA"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(opened: Desk, arguments: dict[str, Any], code: str) -> None:
    assert opened.refused("run_start", **arguments).code == code


@pytest.mark.parametrize(
    ("detectors", "code"),
    [([], "NO_DETECTORS"), (["eiger", "eiger"], "DETECTOR_TWICE"), (["other"], "UNKNOWN_DETECTOR")],
)
def test_a_run_has_some_of_the_configured_detectors_each_once(
    tmp_path: Path, recorder: Recorder, detectors: list[str], code: str
) -> None:
    with open_desk(tmp_path, recorder, detectors=(PvaDetector(name="eiger", pv="X:Image"),)) as desk:
        desk.ask("session_start")
        for verb in ("run_start", "run_check"):
            assert desk.refused(verb, detectors=detectors).code == code
        assert desk.session.last_run_number == 0


def test_no_detectors_may_be_named_where_none_are_configured(opened: Desk) -> None:
    assert opened.record(detectors=[]) == 1
    opened.drain()


def test_frames_are_declared_by_the_command_or_else_by_the_configuration(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder, default_run_frames=7) as desk:
        desk.ask("session_start")
        desk.ask("run_start", frames=3)
        assert desk.run.frames == 3
        desk.ask("run_abort")
        desk.tell(RunReport(key=key(desk.run), state=RunState.ABORTED))
        desk.ask("run_start")
        assert desk.run.frames == 7


def test_what_stands_in_the_way_of_a_run_is_told_beforehand(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder) as desk:
        desk.ask("session_start")
        assert desk.ask("run_check") == []
        desk.instrument.data_root.rmdir()
        (problem,) = desk.ask("run_check")
        error = desk.refused("run_start")
        assert problem["code"] == error.code == "ROOT_MISSING"
        assert (error.value, error.remedy) == (["ROOT_MISSING"], problem["remedy"])


def test_pause_gates_the_run_and_records_the_interval(opened: Desk) -> None:
    opened.record()
    opened.ask("session_pause")
    assert (opened.run.state, opened.run.intent) == (RunState.PAUSED, RunIntent.PAUSE)
    opened.recorder.pause(key(opened.run))
    opened.ask("session_resume")
    assert (opened.run.state, opened.run.intent) == (RunState.RECORDING, RunIntent.RECORD)
    opened.recorder.resume(key(opened.run))
    opened.ask("run_stop")
    assert len(opened.drain().pauses) == 1


def test_pause_and_resume_before_the_recorder_has_begun_change_the_intent_only(opened: Desk) -> None:
    opened.ask("run_start")
    opened.ask("session_pause")
    assert (opened.run.state, opened.run.intent) == (RunState.PREPARING, RunIntent.PAUSE)
    opened.ask("session_resume")
    assert (opened.run.state, opened.run.intent) == (RunState.PREPARING, RunIntent.RECORD)
    opened.ask("session_pause")
    assert opened.tell(RunReport(key=key(opened.run), state=RunState.RECORDING, master=Path("/data/run_0001.nxs")))
    assert (opened.run.state, opened.run.file) == (RunState.PAUSED, "/data/run_0001.nxs")


def test_no_run_begins_while_paused(opened: Desk) -> None:
    path = str(opened.file("a.h5"))
    opened.ask("session_pause")
    for verb, arguments in {"run_start": {}, "run_register": {"path": path}, "run_check": {}}.items():
        assert opened.refused(verb, **arguments).text == "The session is paused. Resume it with Resume."


def test_an_aborted_run_keeps_the_session_open(opened: Desk) -> None:
    opened.record()
    opened.ask("run_abort")
    opened.recorder.abort(key(opened.run))
    ended = opened.drain()
    assert (ended.state, opened.session.state) == (RunState.ABORTED, SessionState.STARTED)


def test_a_run_stopped_while_paused_can_be_stopped(opened: Desk) -> None:
    opened.record()
    opened.ask("session_pause")
    opened.ask("run_stop")
    assert opened.drain().state is RunState.COMPLETED
    assert opened.session.state is SessionState.PAUSED


def test_a_lost_run_is_taken_up_again_when_its_recorder_is_back(opened: Desk) -> None:
    opened.record()
    assert opened.lose() is True
    assert opened.lose() is False
    assert (opened.run.state, opened.run.reason) == (RunState.LOST, "It is silent.")
    assert opened.refused("run_start").remedy == "Bring the recorder back, or give the run up with AbortRun."
    current = opened.recorder.report().current
    assert current is not None
    assert opened.tell(current) is True
    assert (opened.run.state, opened.run.reason) == (RunState.RECORDING, "")


def test_a_lost_run_remembers_what_was_asked_of_it(opened: Desk) -> None:
    opened.record()
    opened.lose()
    opened.ask("session_pause")
    assert (opened.run.state, opened.run.intent) == (RunState.LOST, RunIntent.PAUSE)
    opened.ask("session_resume")
    assert opened.run.intent is RunIntent.RECORD
    opened.ask("run_stop")
    assert (opened.run.state, opened.run.intent) == (RunState.LOST, RunIntent.STOP)
    current = opened.recorder.report().current
    assert current is not None
    assert opened.tell(current) is True
    assert opened.run.state is RunState.DRAINING


@pytest.mark.parametrize("completing", [False, True])
def test_a_lost_run_can_be_given_up(opened: Desk, completing: bool) -> None:
    session_id = opened.session.id
    opened.record()
    opened.lose()
    if completing:
        opened.ask("session_complete")
        assert opened.state(session_id) == "COMPLETING"
    opened.ask("run_abort")
    run = opened.store.run(session_id, 1)
    assert (run.state, run.reason) == (RunState.ABORTED, "given up while its recorder could not be reached")
    assert run.file.endswith("run_0001.nxs")
    assert opened.state(session_id) == ("COMPLETED" if completing else "STARTED")
    assert opened.end(run, RunState.COMPLETED) is False


def test_a_verdict_is_final(opened: Desk) -> None:
    opened.record()
    opened.ask("run_stop")
    opened.drain()
    run = opened.store.run(opened.session.id, 1)
    head = opened.store.head()
    for state in (RunState.FAILED, RunState.RECORDING):
        assert opened.end(run, state) is False
    assert opened.store.head() == head


def test_a_report_without_news_changes_nothing(opened: Desk) -> None:
    opened.record()
    head = opened.store.head()
    current = opened.recorder.report().current
    assert current is not None
    assert opened.tell(current) is False
    assert opened.store.head() == head


def test_only_our_own_programs_report(opened: Desk) -> None:
    opened.ask("run_start")
    report = {"key": key(opened.run).model_dump(), "state": "COMPLETED"}
    assert opened.refused("run_report", report=report).code == "NOT_PERMITTED"
    assert opened.refused("run_report", by=WORKER, report={"state": "COMPLETED"}).code == "BAD_ARGUMENTS"


def test_a_foreign_file_becomes_a_run_once(opened: Desk) -> None:
    path = opened.file("foreign.h5")
    assert opened.ask("run_register", path="foreign.h5", title="from elsewhere") == 1
    run = opened.store.run(opened.session.id, 1)
    assert (run.file, run.state, run.origin.value) == (str(path), RunState.COMPLETED, "registered")
    assert run.stop is not None
    error = opened.refused("run_register", path=str(path))
    assert (error.code, error.value) == ("FILE_REGISTERED", str(path))
    assert opened.refused("run_register", path="absent.h5").code == "FILE_NOT_FOUND"


def test_a_file_can_be_registered_beside_a_live_run(opened: Desk) -> None:
    opened.record()
    assert opened.ask("run_register", path=str(opened.file("foreign.h5"))) == 2
    opened.ask("run_stop")
    opened.end(opened.run, RunState.INCOMPLETE, "camera: 1 frames missing")
    assert opened.ask("alarm_acknowledge") is True
    assert opened.store.run(opened.session.id, 1).acknowledged
    assert opened.ask("alarm_acknowledge") is False


@pytest.mark.parametrize("verdict", [RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED, RunState.COMPLETED])
def test_an_unhappy_end_is_acknowledged_once(opened: Desk, verdict: RunState) -> None:
    opened.ask("run_start")
    opened.end(opened.run, verdict)
    assert opened.ask("alarm_acknowledge") is (verdict is not RunState.COMPLETED)
    assert opened.ask("alarm_acknowledge") is False


def test_the_plan_says_everything_a_recorder_needs(opened: Desk) -> None:
    opened.record(title="planned", metadata={"a": 1}, by=USER)
    entry = opened.recorder.report().current
    assert entry is not None
    master = opened.instrument.data_root / opened.session.folder / "run_0001.nxs"
    assert entry.master == master
    assert json.loads(json.dumps(opened.ask("run_show", run=1)))["metadata"] == {"a": 1}
