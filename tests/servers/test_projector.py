"""After anything that can happen, the view made of events is the view read anew."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beamsession.model.clock import utc_now
from beamsession.model.errors import BeamsessionError
from beamsession.model.instrument import Instrument
from beamsession.model.plain import plain
from beamsession.model.plan import InstrumentFacts, RunKey
from beamsession.model.report import DiskFacts, RunReport
from beamsession.model.run import Run
from beamsession.model.states import DeviceState, RunState
from beamsession.model.view import View
from beamsession.record.recorder import Recorder
from beamsession.servers.manager.projector import Projector
from beamsession.store import Store
from beamsession.verbs.dispatch import Dispatcher
from service_rig import USER, WORKER

Act = tuple[str, dict[str, Any]]
commands = st.sampled_from(
    [
        ("session_start", {"name": "a"}),
        ("session_start", {"name": "b", "metadata": {"x": 1}}),
        ("session_pause", {}),
        ("session_resume", {}),
        ("session_complete", {}),
        ("session_cancel", {}),
        ("comment_add", {"text": "x"}),
        ("metadata_set", {"values": {"x": 2}}),
        ("metadata_set", {"values": {"x": 3}, "session": 1}),
        ("run_start", {}),
        ("run_stop", {}),
        ("run_abort", {}),
        ("alarm_acknowledge", {}),
        ("ingest_request", {"session": 1}),
        ("ingest_report", {"session": 1, "state": "parked"}),
        ("session_archive", {"session": 1, "pid": "pid/1"}),
        ("lose", {}),
        ("report", {"state": RunState.RECORDING}),
        ("report", {"state": RunState.INCOMPLETE}),
        ("report", {"state": RunState.COMPLETED}),
    ]
)


def reported(run: Run, state: RunState) -> dict[str, Any]:
    key = RunKey(instrument="beamline", session_id=run.session_id, run_number=run.number)
    return {"report": plain(RunReport(key=key, state=state, master=Path("/data/run_0001.nxs")))}


class Stage:
    """A store, whoever changes it, and the projector that follows."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        (folder / "data").mkdir()
        self.instrument = Instrument(facts=InstrumentFacts(name="beamline"), data_root=folder / "data")
        self.store = Store.open(f"sqlite:///{folder}/store.sqlite", patience=30)
        self._dispatcher = Dispatcher(self.instrument, self.store, recorder, id_floor=0)
        self.projector = Projector(self.instrument, self.store)
        self.projector.load()

    def act(self, verb: str, **arguments: Any) -> None:
        """Do it; what is not allowed now is refused and changes nothing."""
        live = self.store.live_runs("beamline")
        if verb in ("lose", "report") and not live:
            return
        caller = USER
        if verb == "lose":
            verb, caller = "run_lose", WORKER
            arguments = {"session": live[-1].session_id, "run": live[-1].number, "reason": "silent"}
        elif verb == "report":
            verb, caller, arguments = "run_report", WORKER, reported(live[-1], arguments["state"])
        elif verb in ("ingest_report", "session_archive"):
            caller = WORKER
        with contextlib.suppress(BeamsessionError):
            self._dispatcher.call(verb, arguments, caller)

    def read_anew(self) -> View:
        """What a projector that begins now shows, but for the moment it began."""
        fresh = Projector(self.instrument, self.store)
        fresh.load()
        return replace(fresh.view, started=self.projector.view.started)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(commands, min_size=10, max_size=35))
@example(acts=[("session_complete", {}), ("metadata_set", {"values": {"x": 3}, "session": 1})])
def test_following_events_leads_where_reading_everything_does(recorder: Recorder, acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory(prefix="projector-") as folder:
        stage = Stage(Path(folder), recorder)
        for verb, arguments in [("session_start", {"name": "first"}), *acts]:
            stage.act(verb, **arguments)
            stage.projector.follow()
            assert stage.projector.view == stage.read_anew(), verb
        stage.store.close()


@pytest.fixture
def stage(tmp_path: Path, recorder: Recorder) -> Stage:
    return Stage(tmp_path, recorder)


def test_many_events_at_once_are_followed_too(stage: Stage) -> None:
    for _ in range(40):
        stage.act("session_start", name="many")
    stage.projector.follow()
    assert stage.projector.view == stage.read_anew()
    assert stage.projector.view.session_ids == tuple(range(40, 0, -1))


def test_without_a_change_nobody_is_called(stage: Stage) -> None:
    called: list[View] = []
    stage.projector.subscribe(lambda old, new: called.append(new))
    stage.projector.follow()
    stage.projector.live(last_error="")
    assert called == []
    stage.act("session_start")
    stage.projector.follow()
    assert [view.event_count for view in called] == [1]


def test_what_the_recorder_says_counts_while_the_run_is_live(stage: Stage) -> None:
    stage.act("session_start")
    stage.act("run_start")
    stage.act("report", state=RunState.RECORDING)
    stage.projector.follow()
    key = RunKey(instrument="beamline", session_id=1, run_number=1)
    live = RunReport(key=key, state=RunState.RECORDING, rate=5.0)
    stage.projector.live(report=live, starting=False)
    assert stage.projector.view.report == live
    stage.projector.live(report=live.model_copy(update={"key": key.model_copy(update={"run_number": 9})}))
    assert stage.projector.view.report is None
    stage.projector.live(report=live)
    stage.act("report", state=RunState.COMPLETED)
    stage.projector.follow()
    assert stage.projector.view.report is not None
    assert stage.projector.view.report.state is RunState.COMPLETED


def test_facts_without_events_change_state_status_and_alarms(stage: Stage) -> None:
    assert stage.projector.view.state is DeviceState.INIT
    stage.projector.live(starting=False, disk=DiskFacts(path=Path("/data"), free=0, writable=False))
    assert stage.projector.view.state is DeviceState.ALARM
    assert "The data root /data has a problem: it cannot be written." in stage.projector.view.status
    stage.projector.live(fault="The store cannot be read.")
    assert (stage.projector.view.state, stage.projector.view.status) == (
        DeviceState.FAULT,
        "The store cannot be read.",
    )
    stage.act("session_start")
    stage.projector.follow()
    assert stage.projector.view.state is DeviceState.ALARM


def test_another_instruments_events_move_the_count_alone(stage: Stage) -> None:
    stage.act("session_start")
    stage.projector.follow()
    before = stage.projector.view
    with stage.store.transaction(USER, "elsewhere") as transaction:
        transaction.event("comment_added", text="x")
    stage.projector.follow()
    assert stage.projector.view == replace(before, event_count=2)


def test_the_view_says_when_it_began(stage: Stage) -> None:
    started = stage.projector.view.started
    assert started is not None
    assert started <= utc_now()


def test_the_status_says_what_became_of_the_session_before_until_there_is_a_run(stage: Stage) -> None:
    stage.act("session_start", name="first")
    stage.act("comment_add", text="kept")
    stage.act("session_start", name="second")
    stage.projector.live(starting=False)
    told = "Session 2 'second' is STARTED. Session 1 'first' was still open: it was completed first."
    stage.projector.follow()
    assert stage.projector.view.status == told
    stage.act("comment_add", text="more")
    stage.projector.follow()
    assert stage.projector.view.status == told
    stage.projector.load()  # as a restarted manager
    assert stage.projector.view.status == told
    stage.act("session_complete")
    stage.act("session_start", name="third")
    stage.projector.follow()
    assert stage.projector.view.status == "Session 3 'third' is STARTED."
