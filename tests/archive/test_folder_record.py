"""The data folder explains itself, also after a crash in the middle of a line."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beamsession.archive import high_water
from beamsession.archive.event_lines import EventLines
from beamsession.archive.folder_record import FolderRecord
from beamsession.archive.session_folder import News, SessionRecord
from beamsession.model.errors import RefusedError
from beamsession.model.event import GENESIS, Event, chain_hash
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Session
from beamsession.model.states import SessionState

RULES = FileRules(file_mode=0o640, folder_mode=0o2750)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def chain(count: int, session_id: int | None = 3) -> list[Event]:
    """A log of `count` events of one session."""
    events: list[Event] = []
    previous = GENESIS
    for seq in range(1, count + 1):
        event = Event(
            seq=seq,
            time=NOW,
            instrument="B1",
            kind="comment_added",
            principal="Łukasz",
            role="user",
            face="cli",
            session_id=session_id,
            payload={"text": f"2θ = {seq}"},
            previous=previous,
        )
        event = replace(event, hash=chain_hash(event))
        previous = event.hash
        events.append(event)
    return events


def session(state: SessionState = SessionState.STARTED) -> Session:
    return Session(
        id=3,
        instrument="B1",
        name="Łukasz 2θ",
        title="",
        state=state,
        user="anna",
        proposal="p1",
        folder="2026/p1/000003_x",
        start=NOW,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def record(root: Path) -> FolderRecord:
    return FolderRecord(root, "B1", RULES)


def news(
    session: Session, events: Sequence[Event], *, runs: Sequence[Run] = (), files: Sequence[AddedFile] = (), **told: Any
) -> News:
    """What `events` brought."""
    return News(SessionRecord(session, None, tuple(runs), tuple(files)), tuple(events), **told)


def seqs(path: Path) -> list[int]:
    return [line["seq"] for line in lines(path)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_folder_is_made_by_the_rules_and_says_what_the_session_is(record: FolderRecord, root: Path) -> None:
    file = AddedFile(session_id=3, path="/elsewhere/a.txt", added=NOW, size=1, modified=NOW)
    before = os.umask(0o077)
    try:
        record.keep(news(session(), chain(2), files=[file]))
    finally:
        os.umask(before)
    folder = root / "2026/p1/000003_x"
    said = json.loads((folder / "session.json").read_text())
    assert said["session"]["name"] == "Łukasz 2θ"
    assert said["session"]["state"] == "STARTED"
    assert [file["path"] for file in lines(folder / "files.jsonl")] == ["/elsewhere/a.txt"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert stat.S_IMODE((folder / "session.json").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "events.jsonl").stat().st_mode) == 0o640


def test_text_that_is_no_utf8_is_kept_as_json_can(record: FolderRecord, root: Path) -> None:
    record.keep(news(replace(session(), metadata={"half": "\ud800"}), chain(1)))
    said = json.loads((root / "2026/p1/000003_x/session.json").read_text())
    assert said["session"]["metadata"] == {"half": "\ud800"}


def test_the_lines_prove_their_own_chain(record: FolderRecord, root: Path) -> None:
    events = chain(3)
    record.keep(news(session(), events))
    kept = list(EventLines(root / "2026/p1/000003_x/events.jsonl", RULES).read())
    assert kept == [event.as_json() for event in events]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(min_value=0, max_value=5000), again_from=st.integers(min_value=0, max_value=8))
def test_whatever_a_crash_left_no_event_is_missing_or_doubled(tmp_path: Path, cut: int, again_from: int) -> None:
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    events = chain(8)
    log = EventLines(path, RULES)
    log.append(events)
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % (len(whole) + 1)])
    held = log.last_seq()
    log.append(events[min(again_from, held) :])
    assert path.read_bytes() == whole


def test_a_line_longer_than_what_is_read_at_once_is_found(tmp_path: Path) -> None:
    first, second = chain(2)
    long = replace(second, payload={"text": "x" * 200_000})
    log = EventLines(tmp_path / "events.jsonl", RULES)
    log.append([first, long])
    assert log.last_seq() == 2
    with (tmp_path / "events.jsonl").open("ab") as stream:
        stream.write(b'{"seq": 3, "torn')
    assert log.append(chain(3)) == 1
    assert seqs(tmp_path / "events.jsonl") == [1, 2, 3]


def test_nothing_is_written_when_nothing_is_new(record: FolderRecord, root: Path) -> None:
    record.keep(news(session(), chain(2)))
    folder = root / "2026/p1/000003_x"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    record.keep(news(session(), chain(2)))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_after_the_seal_the_record_is_data_and_later_events_go_beside_it(record: FolderRecord, root: Path) -> None:
    completed = session(SessionState.COMPLETED)
    events = chain(4)
    record.keep(news(completed, events[:2]))
    record.seal(SessionRecord(completed))
    folder = root / "2026/p1/000003_x"
    frozen = {name: (folder / name).read_bytes() for name in ("session.json", "events.jsonl")}
    record.keep(news(session(SessionState.ARCHIVED), events))
    assert {name: (folder / name).read_bytes() for name in frozen} == frozen
    assert json.loads(frozen["session.json"])["session"]["state"] == "COMPLETED"
    assert seqs(folder / "later_events.jsonl") == [3, 4]


def test_a_cancelled_session_gets_no_folder_but_its_events_are_in_the_chain(record: FolderRecord, root: Path) -> None:
    record.keep_chain(chain(3))
    record.keep(news(session(), chain(1)))
    record.keep(news(session(SessionState.CANCELLED), chain(3)))
    assert not (root / "2026/p1/000003_x").exists()
    assert seqs(root / ".beamsession/B1_events.jsonl") == [1, 2, 3]


def test_a_cancelled_session_with_data_keeps_its_folder(record: FolderRecord, root: Path) -> None:
    record.keep(news(session(), chain(1)))
    (root / "2026/p1/000003_x/precious.h5").write_bytes(b"data")
    record.keep(news(session(SessionState.CANCELLED), chain(2)))
    assert (root / "2026/p1/000003_x/precious.h5").read_bytes() == b"data"
    assert json.loads((root / "2026/p1/000003_x/session.json").read_text())["session"]["state"] == "CANCELLED"


def test_the_highest_id_only_rises(record: FolderRecord, root: Path) -> None:
    assert high_water.last_id(root) == 0
    record.keep(news(session(), chain(1)))
    assert high_water.last_id(root) == 3
    high_water.raise_to(root, 2, RULES)
    assert high_water.last_id(root) == 3


def test_an_unmounted_data_root_is_not_made(tmp_path: Path) -> None:
    record = FolderRecord(tmp_path / "unmounted", "B1", RULES)
    with pytest.raises(RefusedError) as caught:
        record.keep(news(session(), chain(1)))
    assert caught.value.code == "ROOT_MISSING"
    assert not (tmp_path / "unmounted").exists()


def test_a_link_out_of_the_data_root_is_not_followed(record: FolderRecord, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "2026").symlink_to(tmp_path / "outside")
    with pytest.raises(RefusedError) as caught:
        record.keep(news(session(), chain(1)))
    assert caught.value.code == "OUTSIDE_ROOT"
    assert not list((tmp_path / "outside").iterdir())
