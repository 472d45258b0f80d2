"""Between store and recorder: what is asked of a run happens, what the recorder tells is kept, whoever restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.states import DeviceState, RunState, SessionState
from service_rig import USER, Rig, new_recorder, silent_recorder, wait_until


def begin(rig: Rig) -> None:
    """A session with a run that records."""
    rig.ask("session_start", name="runs")
    rig.ask("run_start", title="Łukasz 2θ")
    rig.await_run(RunState.RECORDING)


def plan(rig: Rig, instrument: str, session_id: int) -> RunPlan:
    """A run that no store knows."""
    root = rig.folder / "data"
    return RunPlan(
        key=RunKey(instrument=instrument, session_id=session_id, run_number=1),
        data_root=root,
        folder=root / "unknown",
        session=SessionFacts(id=session_id, name="unknown", start=utc_now()),
        instrument=InstrumentFacts(name=instrument),
    )


@contextmanager
def damaged_table(path: Path, table: str) -> Iterator[None]:
    """A SQLite file in which every look at `table` finds it corrupt (SQLITE_CORRUPT), and which is well again after."""
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("PRAGMA writable_schema = ON")
        (page,) = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        _set_root_page(store, table, 1_000_000)
        try:
            yield
        finally:
            _set_root_page(store, table, page)


def _set_root_page(store: sqlite3.Connection, table: str, page: int) -> None:
    store.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", (page, table))
    (version,) = store.execute("PRAGMA schema_version").fetchone()
    store.execute(f"PRAGMA schema_version = {version + 1}")  # others read the schema again


def alarm_codes(rig: Rig) -> list[str]:
    return [alarm.code for alarm in rig.service.view.alarms]


def test_a_run_is_prepared_recorded_stopped_and_forgotten(rig: Rig) -> None:
    begin(rig)
    view = rig.service.view
    assert view.run is not None
    assert view.run.file.endswith("run_0001.nxs")
    assert Path(view.run.file).exists()
    assert (view.state, view.run_count) == (DeviceState.RUNNING, 1)
    rig.ask("run_stop")
    rig.await_run(RunState.COMPLETED)
    wait_until("the outcome is forgotten", lambda: not rig.recorder.report().finished)
    wait_until("nothing is recorded", lambda: rig.service.view.state is DeviceState.ON)
    assert rig.service.view.report is not None
    assert rig.service.view.report.state is RunState.COMPLETED


def test_an_outcome_is_kept_while_the_store_cannot_be_read(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    begin(rig)
    live = rig.recorded()
    assert live is not None
    with damaged_table(rig.folder / "state" / "store.sqlite", "runs"):
        rig.recorder.stop(live.key)
        wait_until("the run has ended", lambda: rig.recorder.report().finished)
        caplog.clear()
        wait_until("the liaison has tried twice", lambda: caplog.text.count("The store cannot be used") >= 2)
        assert [ended.key for ended in rig.recorder.report().finished] == [live.key]
    rig.await_run(RunState.COMPLETED)


def test_pause_and_resume_reach_the_recorder(rig: Rig) -> None:
    begin(rig)
    rig.ask("session_pause")
    assert rig.service.view.run_state is RunState.PAUSED
    wait_until("the recorder pauses", lambda: (run := rig.recorded()) and run.state is RunState.PAUSED)
    rig.ask("session_resume")
    wait_until("the recorder records", lambda: (run := rig.recorded()) and run.state is RunState.RECORDING)
    rig.ask("session_complete")
    wait_until("the session is completed", lambda: rig.service.view.session is None)
    assert rig.service.view.last_completed is not None
    assert rig.service.view.last_completed.state is SessionState.COMPLETED
    assert rig.service.view.report is not None
    assert len(rig.service.view.report.pauses) == 1


def test_pause_and_resume_at_once_after_start_do_not_end_the_run(rig: Rig) -> None:
    rig.ask("session_start")
    for verb in ("run_start", "session_pause", "session_resume"):
        rig.ask(verb)
    rig.await_run(RunState.RECORDING)
    assert rig.service.view.session_state is SessionState.STARTED


def test_a_run_paused_before_it_records_is_gated_and_has_its_file(rig: Rig) -> None:
    rig.ask("session_start")
    rig.ask("run_start")
    rig.ask("session_pause")
    wait_until("the recorder pauses", lambda: (run := rig.recorded()) and run.state is RunState.PAUSED)
    rig.await_run(RunState.PAUSED)
    assert rig.service.view.run is not None
    assert rig.service.view.run.file.endswith("run_0001.nxs")


def test_a_run_stopped_or_aborted_at_once_ends(rig: Rig) -> None:
    rig.ask("session_start")
    for verb in ("run_stop", "run_abort"):
        rig.ask("run_start")
        rig.ask(verb)
        rig.await_run(RunState.COMPLETED, RunState.ABORTED)
    assert rig.recorded() is None


def test_an_aborted_run_is_an_alarm_until_it_is_acknowledged(rig: Rig) -> None:
    begin(rig)
    rig.ask("run_abort")
    rig.await_run(RunState.ABORTED)
    assert alarm_codes(rig) == ["RUN_ABORTED"]
    wait_until("the alarm is shown", lambda: rig.service.view.state is DeviceState.ALARM)
    assert "AcknowledgeAlarm" in rig.service.view.status
    assert rig.ask("alarm_acknowledge") is True
    assert (alarm_codes(rig), rig.service.view.state) == ([], DeviceState.ON)


def test_a_run_that_cannot_be_prepared_fails_with_the_reason(rig: Rig) -> None:
    rig.ask("session_start")
    (rig.folder / "data" / f"{utc_now().year}").write_text("in the way")
    rig.ask("run_start")
    rig.await_run(RunState.FAILED, RunState.ABORTED)
    assert rig.service.view.run is not None
    assert rig.service.view.run.reason
    assert rig.service.view.session_state is SessionState.STARTED


def test_a_registered_file_does_not_hide_the_run_that_is_recorded(rig: Rig) -> None:
    begin(rig)
    foreign = rig.folder / "data" / "foreign.h5"
    foreign.touch()
    assert rig.ask("run_register", path=str(foreign)) == 2
    assert (rig.service.view.run_state, rig.service.view.state) == (RunState.RECORDING, DeviceState.RUNNING)
    rig.ask("run_abort")
    rig.await_run(RunState.ABORTED)
    assert alarm_codes(rig) == ["RUN_ABORTED"]
    other = foreign.with_name("later.h5")
    other.touch()
    rig.ask("run_register", path=str(other))
    assert rig.service.view.run is not None
    assert (rig.service.view.run.number, rig.service.view.run_state) == (3, RunState.COMPLETED)


def test_a_restarted_manager_takes_a_live_run_up_again(rig: Rig) -> None:
    begin(rig)
    report = rig.recorded()
    rig.start()
    wait_until("it is shown", lambda: rig.service.view.state is DeviceState.RUNNING)
    assert rig.service.view.run_state is RunState.RECORDING
    again = rig.recorded()
    assert report is not None
    assert again is not None
    assert (again.key, again.start) == (report.key, report.start)
    rig.ask("run_stop")
    rig.await_run(RunState.COMPLETED)


def test_what_ended_while_the_manager_was_away_is_taken_over(rig: Rig) -> None:
    begin(rig)
    rig.ask("session_complete")
    rig.stop()
    live = rig.recorded()
    if live is not None:
        rig.recorder.stop(live.key)
    wait_until("the run has ended", lambda: rig.recorder.report().finished or rig.recorded() is None)
    rig.start()
    wait_until("the session is completed", lambda: rig.service.view.last_completed is not None)
    assert rig.service.view.run_state is RunState.COMPLETED
    wait_until("the outcome is forgotten", lambda: not rig.recorder.report().finished)


def test_a_run_its_recorder_forgot_is_aborted_with_the_reason(rig: Rig) -> None:
    begin(rig)
    rig.stop()
    fresh = new_recorder(rig.folder / "another journal")
    try:
        rig.start(fresh)
        rig.await_run(RunState.ABORTED)
        assert rig.service.view.run is not None
        assert rig.service.view.run.reason == "its recorder knows nothing of it any more"
        assert rig.service.view.session_state is SessionState.STARTED
        rig.stop()
    finally:
        fresh.shutdown()


def test_a_silent_recorder_loses_the_run_and_brings_it_back(rig: Rig) -> None:
    begin(rig)
    rig.start(silent_recorder())
    rig.await_run(RunState.LOST)
    wait_until("the alarm is shown", lambda: "RECORDER_UNREACHABLE" in alarm_codes(rig))
    assert "RUN_LOST" in alarm_codes(rig)
    assert rig.service.view.state is DeviceState.ALARM
    assert rig.service.view.run is not None
    assert Path(rig.service.view.run.file).exists()
    rig.start()
    rig.await_run(RunState.RECORDING)
    wait_until("all is well", lambda: not alarm_codes(rig))
    wait_until("the device runs", lambda: rig.service.view.state is DeviceState.RUNNING)


def test_a_session_needs_no_recorder_but_a_run_does(rig: Rig) -> None:
    rig.start(silent_recorder())
    assert rig.ask("session_start") == 1
    wait_until("a person is told", lambda: rig.service.view.state is DeviceState.ALARM)
    future = rig.service.submit("run_start", {}, USER)
    error = future.exception(60)
    assert getattr(error, "code", "") == "RECORDER_UNREACHABLE"
    assert rig.service.view.run is None


def test_a_run_that_nobody_asked_for_is_ended_and_another_instruments_is_left_alone(rig: Rig) -> None:
    rig.recorder.prepare(plan(rig, "elsewhere", 5))
    rig.ask("session_start")
    rig.ask("session_complete")
    live = rig.recorded()
    assert live is not None
    assert live.key.instrument == "elsewhere"
    rig.recorder.stop(live.key)
    wait_until("it has ended", lambda: rig.recorded() is None)
    rig.recorder.prepare(plan(rig, "beamline", 99))
    wait_until("it is ended", lambda: rig.recorded() is None)
    wait_until("it is forgotten", lambda: [run.key.session_id for run in rig.recorder.report().finished] == [5])
