"""Whatever happens to sessions and however often the worker dies: a store made again from the folders is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beamsession.archive.folder_record import FolderRecord
from beamsession.archive.read_record import RootRecord, read_record
from beamsession.archive.retelling import Retelling
from beamsession.model.clock import utc_now
from beamsession.model.errors import BeamsessionError
from beamsession.model.event import Event
from beamsession.model.plan import RunKey
from beamsession.model.principal import Caller
from beamsession.model.report import RunReport
from beamsession.model.session import AddedFile, Ingest, Session
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import RunState, SessionState
from beamsession.record.recorder import Recorder
from beamsession.servers.worker.keeper import Keeper
from beamsession.store import Store
from beamsession.store.restore import StoreContents, require_whole, restore
from verb_desk import STAFF, WORKER, Desk, open_desk

VERBS = (
    *("start", "pause", "resume", "complete", "cancel", "restart", "rename", "comment", "metadata", "create"),
    *("archive", "add_file", "remove_file", "register", "start_run", "stop_run", "abort_run", "enable", "disable"),
    *("move", "detach", "acknowledge", "request_ingest", "report_ingest"),
)
OWN = ("record_run", "end_run", "lose_run", "keep", "seal", "die")


@dataclass
class History:
    """Asks for one thing after the other, refused or not; the record is kept whenever `keep` comes."""

    desk: Desk
    keeper: Keeper = field(init=False)
    seen: int = 0
    numbers: int = 0

    def __post_init__(self) -> None:
        self.keeper = self.new_keeper()

    def new_keeper(self) -> Keeper:
        instrument = self.desk.instrument
        record = FolderRecord(instrument.data_root, instrument.name, instrument.rules)
        return Keeper(self.desk.store, instrument.name, record)

    def take(self, step: str, which: int) -> None:
        """One step; `which` picks among what there is."""
        self.numbers += 1
        with suppress(BeamsessionError):
            if step in OWN:
                getattr(self, step)(which)
            else:
                self.ask(step, which)

    def ask(self, step: str, which: int) -> None:
        session = self.session(which)
        verb, arguments = self.orders(session)[step]
        self.desk.ask(verb, by=WORKER if step in ("archive", "report_ingest") else STAFF, **arguments)

    def orders(self, session: int) -> dict[str, tuple[str, dict[str, Any]]]:
        file = self.desk.instrument.data_root / f"file-{self.numbers % 4}"
        file.touch()
        run = 1 + self.numbers % 3
        return {
            "start": ("session_start", {"name": "Łukasz 2θ", "proposal": "p1", "metadata": {"a": 1}}),
            "pause": ("session_pause", {}),
            "resume": ("session_resume", {}),
            "complete": ("session_complete", {}),
            "cancel": ("session_cancel", {}),
            "restart": ("session_restart", {"session": session}),
            "rename": ("session_rename", {"session": session, "title": f"title {self.numbers}"}),
            "comment": ("comment_add", {"text": "a word"}),
            "metadata": ("metadata_set", {"session": session, "values": {"a": None, "b": [self.numbers]}}),
            "create": ("session_create", {"name": "made", "files": [str(file)]}),
            "archive": ("session_archive", {"session": session, "pid": f"pid/{session}", "name": "n"}),
            "add_file": ("file_add", {"path": str(file), "session": session}),
            "remove_file": ("file_remove", {"path": str(file), "session": session}),
            "register": ("run_register", {"path": str(file), "title": "registered"}),
            "start_run": ("run_start", {"frames": 3, "title": "a run", "metadata": {"x": 1}}),
            "stop_run": ("run_stop", {}),
            "abort_run": ("run_abort", {}),
            "enable": ("run_enable", {"session": session, "run": run}),
            "disable": ("run_disable", {"session": session, "run": run}),
            "move": ("run_move", {"session": session, "runs": [run], "to": self.session(self.numbers)}),
            "detach": ("run_detach", {"session": session, "runs": [run], "name": "apart"}),
            "acknowledge": ("alarm_acknowledge", {}),
            "request_ingest": ("ingest_request", {"session": session, "overlay": {"k": 1}}),
            "report_ingest": ("ingest_report", {"session": session, "attempts": self.numbers, **self.ingest_told()}),
        }

    def ingest_told(self) -> dict[str, Any]:
        """What the worker may say of an ingest, in turn."""
        state = ("parked", "running", "pending")[self.numbers % 3]
        step = ("files", "dataset", "block 1", "dataset 2 of 2")[self.numbers // 3 % 4]
        told: dict[str, Any] = {"state": state, "step": step, "detail": "as it is", "dataset": self.numbers // 2 % 4}
        if step == "files":
            pids = [f"pid/{self.numbers}/{number}" for number in range(3)]
            told["datasets"] = [{"pid": pid, "run": run, "files": 2, "bytes": 9} for run, pid in enumerate(pids)]
            told["datasets"][0]["run"] = None
        return told

    def record_run(self, _which: int) -> None:
        self.report(RunState.RECORDING)

    def end_run(self, which: int) -> None:
        self.report((RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED)[which % 3])

    def lose_run(self, _which: int) -> None:
        if self.desk.store.live_runs("beamline"):
            self.desk.lose()

    def report(self, state: RunState) -> None:
        for run in self.desk.store.live_runs("beamline"):
            key = RunKey(instrument="beamline", session_id=run.session_id, run_number=run.number)
            ended = utc_now() if state.is_verdict else None
            self.desk.tell(RunReport(key=key, state=state, stop=ended, reason="so"))

    def keep(self, which: int = 0) -> None:
        """As the worker's tail does, in pages of any size."""
        while page := self.desk.store.events(after=self.seen, limit=1 + which % 5):
            self.keeper.keep(page)
            self.seen = page[-1].seq

    def seal(self, which: int) -> None:
        session = self.desk.store.session(self.session(which))
        if session.state is SessionState.COMPLETED:
            self.keep(which)
            self.keeper.seal(session)

    def die(self, which: int) -> None:
        """The worker is another one, and begins again somewhere before."""
        self.keeper, self.seen = self.new_keeper(), self.seen * (which % 4) // 4

    def session(self, which: int) -> int:
        ids = self.desk.store.session_ids("beamline")
        return ids[which % len(ids)] if ids else 1


def contents_of(store: Store) -> StoreContents:
    sessions = sorted(store.sessions(SessionQuery(limit=1000)), key=lambda session: session.id)
    return StoreContents(
        sessions=sessions,
        runs=[run for session in sessions for run in store.runs(session.id)],
        files=[file for session in sessions for file in store.files(session.id)],
        ingests=sorted(store.ingests(), key=lambda ingest: ingest.session_id),
        events=tuple(store.events(limit=100_000)),
        last_session_id=max((session.id for session in sessions), default=0),
    )


def contents_told(record: RootRecord) -> StoreContents:
    return StoreContents(
        sessions=[item.session for item in record.sessions],
        runs=[run for item in record.sessions for run in item.runs],
        files=[file for item in record.sessions for file in item.files],
        ingests=[item.ingest for item in record.sessions if item.ingest],
        events=record.events,
        last_session_id=record.last_session_id,
    )


def contents_of_log(log: Sequence[Event]) -> tuple[list[Session], list[AddedFile], list[Ingest]]:
    """What is told where every record of a session is lost, and only the log of events is there."""
    retelling = Retelling({})
    retelling.tell(log)
    told = retelling.records().values()
    ingests = [record.ingest for record in told if record.ingest]
    sessions = [replace(record.session, version=1) for record in told]
    return sessions, [file for record in told for file in record.files], ingests


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(steps=st.lists(st.tuples(st.sampled_from(VERBS + OWN), st.integers(0, 20)), min_size=5, max_size=60))
@example(steps=[(step, 0) for step in ("start", "register", "keep", "complete", "seal", "restart", "register")])
@example(steps=[(step, 0) for step in ("start", "register", "detach", "keep", "complete", "seal", "archive", "rename")])
@example(steps=[(step, 0) for step in ("create", "report_ingest", "request_ingest", "report_ingest", "report_ingest")])
def test_a_store_made_again_from_the_folders_is_the_same(recorder: Recorder, steps: list[tuple[str, int]]) -> None:
    """Completed sessions go to the catalogue by themselves, so each of them waits for that, or is on its way."""
    with (
        tempfile.TemporaryDirectory(prefix="rebuild-") as name,
        open_desk(Path(name), recorder, ingest_on_complete=True) as desk,
    ):
        history = History(desk)
        for step, which in steps:
            history.take(step, which)
        history.keep()
        assert history.keeper.first_missing is None
        expected = contents_of(desk.store)
        record = read_record(desk.instrument.data_root, "beamline", desk.instrument.folder_template)
        assert record.complaints == ()
        told = contents_told(record)
        assert told == expected
        sessions = [replace(session, version=1) for session in expected.sessions]  # changes that no event tells count
        assert contents_of_log(told.events) == (sessions, expected.files, expected.ingests)
        require_whole(told.events)
        url = f"sqlite:///{name}/again.sqlite"
        restore(url, told, Caller(STAFF, "cli"), ["beamline"])
        again = Store.open(url)
        try:
            found = contents_of(again)
            assert again.verify_chain().is_intact
        finally:
            again.close()
        assert replace(found, events=found.events[:-1]) == expected
