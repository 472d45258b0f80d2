"""Any commands in any order: what the table allows happens, all else changes nothing, and the store stays sound."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from beamsession.model.clock import utc_now
from beamsession.model.errors import BeamsessionError
from beamsession.model.plan import RunKey
from beamsession.model.report import RunReport
from beamsession.model.situation import Allowed, Command, Situation, entry
from beamsession.model.states import RunState
from beamsession.record.recorder import Recorder
from verb_desk import WORKER, Desk, open_desk

CLOSED = ("COMPLETED", "CANCELLED", "ARCHIVED")
VERDICTS = (RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)


class Commands(RuleBasedStateMachine):
    """A small account of what must be, kept beside the real thing."""

    recorder: ClassVar[Recorder]

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="commands-"))
        self._open.callback(shutil.rmtree, folder, ignore_errors=True)
        self.desk: Desk = self._open.enter_context(open_desk(folder, self.recorder))
        self.sessions: dict[int, str] = {}
        self.contents: dict[int, int] = {}
        self.runs: dict[int, int] = {}
        self.current: int | None = None
        self.live: tuple[int, int] | None = None
        self.run_state = "NONE"

    def teardown(self) -> None:
        """Close everything; the whole log must verify."""
        assert self.desk.ask("event_verify")["first_bad"] is None
        self._open.close()

    @property
    def situation(self) -> Situation:
        """Where things stand, by our own account."""
        if self.current is None:
            return Situation.COMPLETING if "COMPLETING" in self.sessions.values() else Situation.NO_SESSION
        kind = {"NONE": "", "DRAINING": "run draining", "LOST": "run lost"}.get(self.run_state, "run open")
        return Situation(", ".join(filter(None, (self.sessions[self.current].lower(), kind))))

    @property
    def own_run(self) -> bool:
        return self.live is not None and self.live[0] == self.current

    def ask(self, command: Command, *, unless: bool = False, **arguments: Any) -> Any:
        """The answer, None where the command was refused as the table (or `unless`) wants it."""
        expected = isinstance(entry(command, self.situation), Allowed) and not unless
        head = self.desk.store.head()
        try:
            answer = self.desk.ask(command.value, **arguments)
        except BeamsessionError as error:
            refusal = error
        else:
            assert expected, f"{command} was done in {self.situation}"
            assert self.desk.store.head() != head
            return answer if answer is not None else True
        assert not expected, refusal.text
        assert refusal.code == "WRONG_STATE"
        assert refusal.remedy
        assert self.desk.store.head() == head
        return None

    def close_current(self, *, to: str) -> None:
        assert self.current is not None
        if self.own_run and to != "CANCELLED":
            to = "COMPLETING"
            self.run_state = self.run_state if self.run_state == "LOST" else "DRAINING"
        self.sessions[self.current] = to
        self.current = None

    @rule(name=st.sampled_from(["", "scan", "Łukasz 2θ"]), metadata=st.just({}) | st.just({"a": 1}))
    def start(self, name: str, metadata: dict[str, Any]) -> None:
        session_id = self.ask(Command.START, name=name, metadata=metadata)
        assert session_id > max(self.sessions, default=0)
        self.make_way()
        self.sessions[session_id], self.current = "STARTED", session_id
        self.contents[session_id] = self.runs[session_id] = 0

    def make_way(self) -> None:
        if self.current is not None:
            untouched = not self.contents[self.current] and not self.runs[self.current]
            self.close_current(to="CANCELLED" if untouched else "COMPLETED")

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.sessions)))
        if session_id == self.current:
            assert self.desk.ask("session_restart", session=session_id) == session_id
            self.sessions[session_id] = "STARTED"
            if self.own_run and self.run_state == "PAUSED":
                self.run_state = "RECORDING"
        elif self.ask(Command.RESTART, unless=self.sessions[session_id] != "COMPLETED", session=session_id):
            self.make_way()
            self.sessions[session_id], self.current = "STARTED", session_id
            self.contents[session_id] += 1

    @precondition(lambda self: len(self.sessions) > 1)
    @rule(data=st.data(), detach=st.booleans())
    def give_a_run_away(self, data: st.DataObject, *, detach: bool) -> None:
        origin, to = data.draw(st.lists(st.sampled_from(sorted(self.sessions)), min_size=2, max_size=2, unique=True))
        closed = [run.number for run in self.desk.store.runs(origin) if run.state.is_verdict]
        editable = ("STARTED", "PAUSED", "COMPLETING", "COMPLETED")
        if not closed or self.sessions[origin] not in editable or (not detach and self.sessions[to] not in editable):
            return
        before = self.desk.store.run(origin, closed[0])
        if detach:
            to = self.desk.ask("run_detach", session=origin, runs=closed[:1])
            assert to > max(self.sessions)
            self.sessions[to], self.contents[to], self.runs[to] = "COMPLETED", 0, 0
            number = 1
        else:
            (number,) = self.desk.ask("run_move", session=origin, runs=closed[:1], to=to)
        self.runs[to] += 1
        after = self.desk.store.run(to, number)
        assert (number, after.id, after.file) == (self.runs[to], before.id, before.file)

    @rule()
    def pause(self) -> None:
        if self.ask(Command.PAUSE) and self.current:
            self.sessions[self.current] = "PAUSED"
            if self.own_run and self.run_state == "RECORDING":
                self.run_state = "PAUSED"

    @rule()
    def resume(self) -> None:
        if self.ask(Command.RESUME) and self.current:
            self.sessions[self.current] = "STARTED"
            if self.own_run and self.run_state == "PAUSED":
                self.run_state = "RECORDING"

    @rule()
    def complete(self) -> None:
        if self.ask(Command.COMPLETE):
            self.close_current(to="COMPLETED")

    @rule()
    def cancel(self) -> None:
        has_runs = self.current is not None and self.runs[self.current] > 0
        if self.ask(Command.CANCEL, unless=has_runs):
            self.close_current(to="CANCELLED")

    @rule(command=st.sampled_from([Command.COMMENT, Command.SET_METADATA, Command.ADD_FILE, Command.REGISTER_RUN]))
    def put_in(self, command: Command) -> None:
        number = sum(self.contents.values())
        file = self.desk.instrument.data_root / f"{number}-{sum(self.runs.values())}"
        file.touch()
        given: dict[Command, dict[str, Any]] = {
            Command.COMMENT: {"text": "x"},
            Command.SET_METADATA: {"values": {"number": number}},
            Command.ADD_FILE: {"path": str(file)},
            Command.REGISTER_RUN: {"path": str(file)},
        }
        if self.ask(command, **given[command]) and self.current:
            self.contents[self.current] += 1
            self.runs[self.current] += command is Command.REGISTER_RUN

    @rule()
    def start_run(self) -> None:
        number = self.ask(Command.START_RUN)
        if number and self.current:
            self.runs[self.current] += 1
            assert number == self.runs[self.current]
            self.live, self.run_state = (self.current, number), "PREPARING"

    @rule()
    def stop_run(self) -> None:
        if self.ask(Command.STOP_RUN) and self.run_state != "LOST":
            self.run_state = "DRAINING"

    @rule()
    def abort_run(self) -> None:
        if self.ask(Command.ABORT_RUN):
            if self.run_state == "LOST":
                self.run_is_over()
            else:
                self.run_state = "DRAINING"

    @precondition(lambda self: self.live is not None)
    @rule()
    def the_recorder_is_silent(self) -> None:
        assert self.desk.lose() is (self.run_state != "LOST")
        self.run_state = "LOST"

    @precondition(lambda self: self.live is not None)
    @rule()
    def the_recorder_records(self) -> None:
        run = self.desk.run
        self.desk.tell(self.report(RunState.RECORDING))
        if self.run_state in ("PREPARING", "LOST"):
            self.run_state = {"record": "RECORDING", "pause": "PAUSED"}.get(run.intent.value, "DRAINING")

    @precondition(lambda self: self.live is not None)
    @rule(verdict=st.sampled_from(VERDICTS))
    def the_run_ends(self, verdict: RunState) -> None:
        assert self.desk.tell(self.report(verdict)) is True
        assert self.desk.tell(self.report(verdict)) is False
        self.run_is_over()

    @precondition(lambda self: "COMPLETED" in self.sessions.values())
    @rule()
    def archive(self) -> None:
        session_id = next(key for key, state in self.sessions.items() if state == "COMPLETED")
        self.desk.ask("session_archive", by=WORKER, session=session_id, pid=f"pid/{session_id}")
        self.sessions[session_id] = "ARCHIVED"

    def report(self, state: RunState) -> RunReport:
        assert self.live is not None
        key = RunKey(instrument="beamline", session_id=self.live[0], run_number=self.live[1])
        return RunReport(key=key, state=state, stop=utc_now() if state.is_verdict else None)

    def run_is_over(self) -> None:
        assert self.live is not None
        if self.sessions[self.live[0]] == "COMPLETING":
            self.sessions[self.live[0]] = "COMPLETED"
        self.live, self.run_state = None, "NONE"

    @invariant()
    def the_store_agrees(self) -> None:
        stored = {item["id"]: item for item in self.desk.ask("session_list", limit=1000)}
        assert {key: item["state"] for key, item in stored.items()} == self.sessions
        assert all((item["stop"] is not None) == (item["state"] in CLOSED) for item in stored.values())
        live = self.desk.store.live_runs("beamline")
        assert [(run.session_id, run.number) for run in live] == ([self.live] if self.live else [])
        assert [run.state.value for run in live] == ([self.run_state] if self.live else [])

    @invariant()
    def one_session_is_open_at_most(self) -> None:
        opened = [key for key, state in self.sessions.items() if state in ("STARTED", "PAUSED")]
        assert opened == ([self.current] if self.current else [])

    @invariant()
    def nothing_waits_for_a_run_that_is_over(self) -> None:
        waiting = [key for key, state in self.sessions.items() if state == "COMPLETING"]
        assert waiting == ([self.live[0]] if self.live and self.live[0] != self.current else [])


@pytest.fixture(scope="module", autouse=True)
def _recorder_of_all(recorder: Recorder) -> None:
    Commands.recorder = recorder


Commands.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
TestCommands = Commands.TestCase
