"""A data root is read back, and what is damaged in it is said and told from the events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from beamsession.archive.folder_record import FolderRecord
from beamsession.archive.read_record import RootRecord, read_record
from beamsession.archive.session_folder import SessionRecord
from beamsession.model.errors import RefusedError
from beamsession.model.event import Event
from beamsession.model.plain import plain
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import IngestState, RunIntent, RunState, SessionState
from record_samples import HOME, RULES, SESSION, Log, file, news, run

FIRST = run(1, state=RunState.INCOMPLETE, version=2)
TEMPLATE = "{year}/{proposal}/{session:06d}_{name}"


@dataclass
class Root:
    """A data root, with what keeps the record in it."""

    path: Path

    def __post_init__(self) -> None:
        self.record = FolderRecord(self.path, "B1", RULES)
        self.log = Log()

    @property
    def folder(self) -> Path:
        return self.path / HOME

    @property
    def chain(self) -> Path:
        return self.path / ".beamsession" / "B1_events.jsonl"

    def keep(self, session: Session, events: Sequence[Event], **told: Any) -> None:
        self.record.keep_chain(events)
        self.record.keep(news(session, events, **told))

    def read(self) -> RootRecord:
        return read_record(self.path, "B1", TEMPLATE)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Session 3 of its instrument with two runs and a file."""
    root = Root(tmp_path)
    begin = root.log.add("session_started", name=SESSION.name, proposal="p1", folder=HOME, metadata={"a": 1})
    root.keep(replace(SESSION, metadata={"a": 1}), [begin])
    session = replace(SESSION, metadata={"a": 1}, run_count=2, last_run_number=2)
    happened = [
        root.log.add("run_started", run_number=1, title="first", frames=5, detectors=["camera"], metadata={"x": 1}),
        root.log.add("run_incomplete", run_number=1, reason="2 are missing", file="/data/run_0001.nxs"),
        root.log.add("run_registered", run_number=2, file="/data/b.h5"),
        root.log.add("file_added", path="/elsewhere/a", size=1),
    ]
    root.keep(session, happened, runs=[FIRST, run(2)], files=[file("a")])
    return root


def only(record: RootRecord) -> SessionRecord:
    (session,) = record.sessions
    return session


def test_a_sound_root_is_read_as_it_is_and_nothing_is_complained_of(root: Root) -> None:
    record = root.read()
    session = replace(SESSION, metadata={"a": 1}, run_count=2, last_run_number=2)
    assert only(record) == SessionRecord(session, None, (FIRST, run(2)), (file("a"),))
    assert list(record.events) == root.log.events
    assert (record.last_session_id, record.complaints) == (3, ())


def test_a_data_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        read_record(tmp_path / "unmounted", "B1", TEMPLATE)
    assert caught.value.code == "ROOT_MISSING"


def test_an_event_that_came_into_the_chain_and_not_into_the_folder_is_told(root: Root) -> None:
    root.record.keep_chain(
        [root.log.add("session_paused"), root.log.add("metadata_changed", changed={"b": 2}, removed=["a"])]
    )
    session = only(root.read()).session
    assert (session.state, session.metadata, session.metadata_edited) == (SessionState.PAUSED, {"b": 2}, True)


def test_an_event_that_came_into_the_folder_and_not_into_the_chain_is_taken(root: Root) -> None:
    root.record.keep(news(replace(SESSION, state=SessionState.PAUSED), [root.log.add("session_paused")]))
    record = root.read()
    assert record.events[-1].kind == "session_paused"
    assert only(record).session.state is SessionState.PAUSED


def test_a_lost_chain_file_is_complained_of_and_the_folders_events_are_taken(root: Root) -> None:
    root.chain.unlink()
    record = root.read()
    assert list(record.events) == root.log.events
    assert "B1_events.jsonl is missing" in record.complaints[0]


def test_a_damaged_line_of_the_chain_is_filled_in_from_the_folder(root: Root) -> None:
    lines = root.chain.read_bytes().splitlines(keepends=True)
    changed = lines[2].replace(b"2 are missing", b"all is well!!")
    root.chain.write_bytes(b"".join([lines[0], b"\0\0\n", changed, *lines[3:]]))
    record = root.read()
    assert list(record.events) == root.log.events
    assert ["line 2" in record.complaints[0], "line 3" in record.complaints[1]] == [True, True]


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b'{"format": 2, "session": {"id": "x"}}', None])
def test_a_damaged_session_file_is_told_from_the_events_and_its_runs_are_still_there(
    root: Root, content: bytes | None
) -> None:
    if content is None:
        (root.folder / "session.json").unlink()
    else:
        (root.folder / "session.json").write_bytes(content)
    record = root.read()
    found = only(record)
    assert (found.session.name, found.session.user, found.session.folder) == (SESSION.name, "anna", HOME)
    assert (found.session.state, found.session.metadata) == (SessionState.STARTED, {"a": 1})
    assert (found.runs, found.session.last_run_number) == ((FIRST, run(2)), 2)
    assert any("session.json" in complaint for complaint in record.complaints)
    assert "session 3 is told from its events" in record.complaints


def test_a_lost_folder_is_told_from_the_events_as_far_as_they_go(root: Root) -> None:
    shutil.rmtree(root.folder)
    root.record.keep_chain([root.log.add("ingest_parked", step="dataset", detail="why", pid="")])
    record = root.read()
    first, second = only(record).runs
    assert (first.id, first.number, first.state, first.intent) == (0, 1, RunState.INCOMPLETE, RunIntent.STOP)
    assert (first.title, first.frames, first.detectors, first.metadata) == ("first", 5, ("camera",), {"x": 1})
    assert (first.reason, first.file) == ("2 are missing", "/data/run_0001.nxs")
    assert (second.origin, second.state, second.file) == (RunOrigin.REGISTERED, RunState.COMPLETED, "/data/b.h5")
    assert [found.path for found in only(record).files] == ["/elsewhere/a"]
    ingest = only(record).ingest
    assert ingest is not None
    assert (ingest.state, ingest.detail) == (IngestState.PARKED, "why")
    assert any("session 3 has no record" in complaint for complaint in record.complaints)


def test_a_damaged_line_of_a_run_is_told_from_the_events(root: Root) -> None:
    lines = (root.folder / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (root.folder / "runs.jsonl").write_bytes(b"damaged\n" + lines[1])
    record = root.read()
    assert [(found.id, found.number) for found in sorted_runs(record)] == [(0, 1), (102, 2)]
    assert "line 1" in record.complaints[0]


@pytest.mark.parametrize("cut", [1, 20, None])
def test_a_run_whose_line_at_the_end_is_torn_or_gone_is_named_and_told_from_the_events(
    root: Root, cut: int | None
) -> None:
    path = root.folder / "runs.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + (second[:-cut] if cut else b""))
    record = root.read()
    (found,) = (item for item in only(record).runs if item.number == 2)
    assert (found.file, found.state, found.origin) == ("/data/b.h5", RunState.COMPLETED, RunOrigin.REGISTERED)
    assert record.complaints == ("the record of session 3 does not have run 2: that is told from its events",)
    assert (only(record).session.run_count, only(record).session.last_run_number) == (2, 2)


def test_a_change_of_a_run_whose_line_is_torn_is_named_and_told_from_the_events(root: Root) -> None:
    session = replace(SESSION, metadata={"a": 1}, run_count=2, last_run_number=2)
    disabled = replace(run(2), enabled=False, version=2)
    root.keep(session, [root.log.add("run_disabled", run_number=2)], runs=[disabled])
    path = root.folder / "runs.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    record = root.read()
    (first, second) = only(record).runs
    assert (first, second.id, second.enabled) == (FIRST, 102, False)
    assert record.complaints == ("the record of session 3 has an old state of run 2: that is told from its events",)


def test_a_file_whose_line_is_torn_is_named_and_told_from_the_events(root: Root) -> None:
    path = root.folder / "files.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    record = root.read()
    assert [found.path for found in only(record).files] == ["/elsewhere/a"]
    assert "the file /elsewhere/a" in record.complaints[0]


@pytest.mark.parametrize("torn", [run(2, enabled=False, version=2), run(3)])
def test_a_line_that_a_crash_tore_before_anything_of_it_was_acknowledged_alarms_nobody(root: Root, torn: Run) -> None:
    sound = root.read()
    with (root.folder / "runs.jsonl").open("ab") as stream:
        stream.write(json.dumps(plain(torn)).encode()[:-1])
    assert root.read() == sound
    assert sound.complaints == ()


def test_what_only_the_chain_has_after_a_crash_is_no_loss(root: Root) -> None:
    root.record.keep_chain([root.log.add("run_registered", run_number=3, file="/data/c.h5")])
    with (root.folder / "runs.jsonl").open("ab") as stream:
        stream.write(b'{"id":103,"sess')
    record = root.read()
    assert [found.number for found in only(record).runs] == [1, 2, 3]
    assert record.complaints == ()


def test_runs_that_no_event_tells_of_are_missed_by_their_number(root: Root) -> None:
    imported = replace(SESSION, id=4, folder="2026/p1/000004_x", state=SessionState.COMPLETED, run_count=2)
    begin = root.log.add("session_imported", session=4, name="x", folder=imported.folder, metadata={}, runs=2)
    runs = [run(number, id=200 + number, session_id=4, origin=RunOrigin.IMPORTED) for number in (1, 2)]
    root.keep(imported, [begin], runs=runs)
    assert root.read().complaints == ()
    path = root.path / imported.folder / "runs.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    record = root.read()
    assert [found.number for found in record.sessions[1].runs] == [1]
    assert record.complaints == ("session 4 should have 2 runs by its record, and only 1 can be found",)


def sorted_runs(record: RootRecord) -> list[Run]:
    return sorted(only(record).runs, key=lambda found: found.number)


def test_a_cancelled_session_is_told_from_its_events(root: Root) -> None:
    cancelled = replace(SESSION, id=4, folder="2026/p1/000004_x", state=SessionState.CANCELLED)
    events = [
        root.log.add("session_started", session=4, name="x", proposal="p1", folder=cancelled.folder, metadata={}),
        root.log.add("session_cancelled", session=4),
    ]
    root.keep(cancelled, events)
    record = root.read()
    found = record.sessions[1].session
    assert (found.id, found.state, found.stop) == (4, SessionState.CANCELLED, events[1].time)
    assert (record.last_session_id, record.complaints) == (4, ())


def test_a_moved_run_is_in_its_new_session_whichever_folder_is_behind(root: Root) -> None:
    other = replace(SESSION, id=4, folder="2026/p1/000004_x", state=SessionState.COMPLETED)
    begin = root.log.add("session_created", session=4, name="x", folder=other.folder, metadata={})
    root.keep(other, [begin])
    story = {"from": 3, "to": 4, "number": 2, "new_number": 1, "run_id": 102}
    left, came = root.log.add("run_moved", **story), root.log.add("run_moved", session=4, run_number=1, **story)
    root.record.keep_chain([left, came])
    moved = replace(run(2), session_id=4, number=1, version=2)
    for keeps in (lambda: None, lambda: root.record.keep(news(SESSION, [left], gone_runs=frozenset([102])))):
        keeps()
        origin, target = root.read().sessions
        assert origin.runs == (FIRST,)
        assert [found.id for found in target.runs] == [102]
    root.record.keep(news(other, [came], runs=[moved]))
    assert root.read().sessions[1].runs == (moved,)


def test_sessions_of_another_instrument_are_left_alone(root: Root) -> None:
    shutil.copytree(root.folder, root.path / "2026/p1/000009_y")
    theirs = root.path / "2026/p1/000009_y/session.json"
    theirs.write_text(theirs.read_text().replace('"B1"', '"B2"').replace('"id": 3', '"id": 9'))
    assert [item.session.id for item in root.read().sessions] == [3]


def test_a_copy_of_a_session_does_not_count_beside_the_session(root: Root) -> None:
    shutil.copytree(root.folder, root.path / "2026/p1/000003_copy")
    record = root.read()
    assert only(record).session.folder == HOME
    assert f"taken is {root.folder}" in record.complaints[0]


def test_the_id_of_a_folder_without_a_record_stays_taken(root: Root) -> None:
    (root.path / "2026/p2/000017_new").mkdir(parents=True)
    record = root.read()
    assert record.last_session_id == 17
    assert "17" in record.complaints[0]


def test_of_two_open_sessions_only_the_newest_stays_open(root: Root) -> None:
    other = replace(SESSION, id=4, folder="2026/p1/000004_x")
    root.keep(other, [root.log.add("session_started", session=4, name="x", folder=other.folder, metadata={})])
    first, second = root.read().sessions
    assert (first.session.state, second.session.state) == (SessionState.COMPLETED, SessionState.STARTED)
