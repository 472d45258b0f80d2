"""A place to ask verbs: a real store, and a real recorder in this process that has no detectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.errors import BeamsessionError
from beamsession.model.instrument import Instrument
from beamsession.model.plain import plain
from beamsession.model.plan import InstrumentFacts
from beamsession.model.principal import Caller, Principal, Role
from beamsession.model.report import RunReport
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.model.states import RunState
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.store import Store
from beamsession.verbs.dispatch import Dispatcher
from beamsession.verbs.plan import plan_run, run_key
from beamsim.waiting import wait_until

USER = Principal("ana")
OTHER = Principal("eve")
STAFF = Principal("staff", Role.STAFF)
WORKER = Principal("worker", Role.WORKER)


def instrument(data_root: Path, name: str = "beamline", **changes: Any) -> Instrument:
    """An instrument without detectors; its data root exists."""
    data_root.mkdir(exist_ok=True)
    return Instrument(facts=InstrumentFacts(name=name), data_root=data_root, **changes)


@dataclass
class Desk:
    """Asks verbs of one instrument, and does by hand what the manager's liaison does for a run."""

    instrument: Instrument
    store: Store
    recorder: Recorder
    id_floor: int = 0
    dispatcher: Dispatcher = field(init=False)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.instrument, self.store, self.recorder, id_floor=self.id_floor)

    def ask(self, verb: str, *, by: Principal = USER, request_id: str = "", **arguments: Any) -> Any:
        """The verb's answer."""
        return self.dispatcher.call(verb, arguments, Caller(by, "tango", request_id))

    def refused(self, verb: str, *, by: Principal = USER, request_id: str = "", **arguments: Any) -> BeamsessionError:
        """The error; nothing may have changed, and the refusal must be logged."""
        head = self.store.head()
        with pytest.raises(BeamsessionError) as caught:
            self.ask(verb, by=by, request_id=request_id, **arguments)
        assert self.store.head() == head
        logged = self.store.refusals(instrument=self.instrument.name, limit=1)[0]
        assert (logged.verb, logged.principal, logged.code) == (verb, by.name, caught.value.code)
        assert logged.sentence.startswith(caught.value.sentence[:400])
        return caught.value

    @property
    def session(self) -> Session:
        """The open session."""
        found = self.store.open_session(self.instrument.name)
        assert found is not None
        return found

    @property
    def run(self) -> Run:
        """The live run."""
        return self.store.live_runs(self.instrument.name)[-1]

    def state(self, session_id: int) -> str:
        return self.store.session(session_id).state.value

    def kinds(self, session_id: int | None = None) -> list[str]:
        """The events' kinds in order."""
        found = self.store.events(session_id=session_id, instrument=self.instrument.name)
        return [event.kind for event in found]

    def file(self, name: str, content: bytes = b"data") -> Path:
        """A file in the open session's folder."""
        path = self.instrument.data_root / self.session.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def record(self, **arguments: Any) -> int:
        """A run that the recorder records."""
        number = self.ask("run_start", **arguments)
        run, session = self.run, self.session
        self.recorder.prepare(plan_run(self.instrument, session, run))
        wait_until("the run records", lambda: self._live() is not None and self._live().state is RunState.RECORDING)
        assert self.tell(self._live()) is True
        return number

    def drain(self) -> RunReport:
        """Let the recorder end the live run in order and report its verdict."""
        run = self.run
        key = run_key(self.store.session(run.session_id), run.number)
        self.recorder.stop(key)
        ended = wait_until(
            "the verdict", lambda: next((item for item in self.recorder.report().finished if item.key == key), None)
        )
        self.tell(ended)
        self.recorder.forget(key)
        return ended

    def tell(self, report: RunReport) -> bool:
        """Report as the recorder does."""
        return self.ask("run_report", by=WORKER, report=plain(report))

    def end(self, run: Run, state: RunState, reason: str = "") -> bool:
        """Report this verdict of a run."""
        key = run_key(self.store.session(run.session_id), run.number)
        return self.tell(RunReport(key=key, state=state, reason=reason, stop=utc_now()))

    def lose(self) -> bool:
        """The live run's recorder is not heard of any more."""
        run = self.run
        return self.ask("run_lose", by=WORKER, session=run.session_id, run=run.number, reason="It is silent.")

    def _live(self) -> Any:
        return self.recorder.report().current


@contextmanager
def open_recorder(folder: Path) -> Iterator[Recorder]:
    """A recorder that can record runs without detectors."""
    recorder = Recorder("desk", {}, partial(ReadingsRecorder, (), ()), folder)
    try:
        wait_until("the recorder is ready", lambda: not recorder.report().problems)
        yield recorder
    finally:
        recorder.shutdown()


@contextmanager
def open_desk(folder: Path, recorder: Recorder, *, id_floor: int = 0, **changes: Any) -> Iterator[Desk]:
    """A desk with its store and data below `folder`; a run that is still recorded at the end is dropped."""
    store = Store.open(f"sqlite:///{folder}/store.sqlite", patience=30)
    try:
        yield Desk(instrument(folder / "data", **{"has_catalogue": True, **changes}), store, recorder, id_floor)
    finally:
        store.close()
        if live := recorder.report().current:
            recorder.abort(live.key)
        wait_until("the recorder is idle", lambda: recorder.report().current is None)
        for ended in recorder.report().finished:
            recorder.forget(ended.key)
