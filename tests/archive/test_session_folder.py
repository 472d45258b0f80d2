"""A session's folder notes each change once, is sealed and unsealed, and survives a crash anywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from beamsession.archive.session_folder import OURS, SessionFolder, SessionRecord
from beamsession.model.plain import plain
from beamsession.model.session import Ingest
from beamsession.model.states import IngestState, SessionState
from record_samples import NOW, RULES, SESSION, Log, file, news, run

COMPLETED = replace(SESSION, state=SessionState.COMPLETED, stop=NOW)


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    return SessionFolder(tmp_path, RULES)


def sound(folder: SessionFolder) -> SessionRecord:
    """What is read, and nothing may be damaged."""
    complaints: list[str] = []
    record = folder.read(complaints.append)
    assert complaints == []
    return record


def seqs(folder: SessionFolder) -> list[int]:
    return [event.seq for event in folder.events(pytest.fail)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_more_run_costs_one_line_and_no_other_file_grows(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    sizes: list[dict[str, int]] = []
    for number in range(1, 60):
        event = log.add("run_completed", run_number=number)
        folder.keep(news(replace(SESSION, run_count=10), [event], runs=[run(number)]))
        sizes.append({path.name: path.stat().st_size for path in tmp_path.iterdir()})
    growth = [{name: after[name] - before[name] for name in after} for before, after in pairwise(sizes)]
    assert {step["session.json"] for step in growth} == {0}
    assert max(step["runs.jsonl"] for step in growth) - min(step["runs.jsonl"] for step in growth) < 10
    assert [found.number for found in sound(folder).runs] == list(range(1, 60))


def test_the_last_line_of_a_run_counts_and_one_that_is_gone_is_gone(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    folder.keep(news(SESSION, [log.add("run_registered", run_number=1)], runs=[run(1), run(2)]))
    folder.keep(news(SESSION, [log.add("run_disabled", run_number=1)], runs=[run(1, enabled=False)]))
    folder.keep(news(SESSION, [log.add("run_moved")], gone_runs=frozenset([102])))
    assert sound(folder).runs == (run(1, enabled=False),)
    assert len(lines(tmp_path / "runs.jsonl")) == 4
    folder.keep(news(COMPLETED, [log.add("session_completed")], runs=[run(1, enabled=False)], is_whole=True))
    assert lines(tmp_path / "runs.jsonl") == [plain(run(1, enabled=False))]
    assert sound(folder).runs == (run(1, enabled=False),)


def test_a_run_that_came_back_is_there_again(folder: SessionFolder) -> None:
    log = Log()
    folder.keep(news(SESSION, [log.add("run_registered", run_number=1)], runs=[run(1)]))
    folder.keep(news(SESSION, [log.add("run_moved")], gone_runs=frozenset([101])))
    folder.keep(news(SESSION, [log.add("run_moved", run_number=2)], runs=[run(2, id=101)]))
    assert sound(folder).runs == (run(2, id=101),)


def test_added_files_come_and_go(folder: SessionFolder) -> None:
    log = Log()
    folder.keep(news(SESSION, [log.add("file_added")], files=[file("a"), file("b")]))
    folder.keep(news(SESSION, [log.add("file_removed")], gone_files=frozenset(["/elsewhere/a"])))
    assert sound(folder).files == (file("b"),)


def test_a_torn_line_of_a_run_is_cut_off_and_written_again(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    folder.keep(news(SESSION, [log.add("run_registered", run_number=1)], runs=[run(1)]))
    with (tmp_path / "runs.jsonl").open("ab") as stream:
        stream.write(b'{"id": 102, "num')
    assert sound(folder).runs == (run(1),)
    folder.keep(news(SESSION, [log.add("run_registered", run_number=2)], runs=[run(2)]))
    assert sound(folder).runs == (run(1), run(2))


def test_a_folder_of_format_1_is_read_and_goes_on_in_the_new_form(folder: SessionFolder, tmp_path: Path) -> None:
    old_run = {
        key: value for key, value in plain(run(1)).items() if key not in ("enabled", "recorded_in", "recorded_as")
    }
    old_session = {
        key: value for key, value in plain(SESSION).items() if key not in ("source", "run_count", "last_run_number")
    }
    document = {"format": 1, "session": old_session, "runs": [old_run], "files": [plain(file("a"))]}
    (tmp_path / "session.json").write_text(json.dumps(document))
    before = sound(folder)
    assert (before.runs, before.files) == ((run(1),), (file("a"),))
    assert (before.session.run_count, before.session.last_run_number) == (1, 1)
    session = replace(SESSION, run_count=2, last_run_number=2)
    folder.keep(news(session, [Log().add("run_registered", number=2)], runs=[run(2)]))
    assert sound(folder) == SessionRecord(session, None, (run(1), run(2)), (file("a"),))
    assert json.loads((tmp_path / "session.json").read_text())["format"] == 2


def test_a_sealed_folder_of_format_1_stays_as_it_is(folder: SessionFolder, tmp_path: Path) -> None:
    document = {"format": 1, "session": plain(COMPLETED), "runs": [plain(run(1))], "files": []}
    (tmp_path / "session.json").write_text(json.dumps(document))
    (tmp_path / "later_events.jsonl").touch()
    sealed = (tmp_path / "session.json").read_bytes()
    archived = replace(COMPLETED, state=SessionState.ARCHIVED)
    folder.keep(news(archived, [Log().add("session_archived")]))
    assert (tmp_path / "session.json").read_bytes() == sealed
    assert (sound(folder).session, sound(folder).runs) == (archived, (run(1),))


def test_after_the_seal_changes_are_noted_beside_the_data(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    folder.keep(
        news(COMPLETED, [log.add("session_completed")], runs=[run(1), run(2)], files=[file("a")], is_whole=True)
    )
    running = Ingest(3, IngestState.RUNNING, NOW)
    folder.seal(SessionRecord(COMPLETED, running, (run(1), run(2)), (file("a"),)))
    assert sound(folder).ingest == running
    data = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.startswith("later_")}
    renamed = replace(COMPLETED, title="better")
    folder.keep(news(renamed, [log.add("run_disabled")], runs=[run(1, enabled=False)], ingest=running))
    folder.keep(
        news(renamed, [log.add("run_moved")], gone_runs=frozenset([102]), gone_files=frozenset([file("a").path]))
    )
    assert sound(folder) == SessionRecord(renamed, None, (run(1, enabled=False),), ())
    assert {name: (tmp_path / name).read_bytes() for name in data} == data
    assert "ingest" not in json.loads(data["session.json"])
    assert seqs(folder) == [1, 2, 3]


def test_a_session_that_is_started_again_has_one_record_again(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    folder.keep(news(COMPLETED, [log.add("session_completed")], runs=[run(1)], is_whole=True))
    folder.seal(SessionRecord(COMPLETED, None, (run(1),)))
    folder.keep(news(COMPLETED, [log.add("ingest_parked")]))
    folder.keep(news(SESSION, [log.add("session_restarted")], runs=[run(1)], is_whole=True))
    assert not folder.is_sealed
    assert {path.name for path in tmp_path.iterdir()} == {"session.json", "runs.jsonl", "events.jsonl"}
    assert [line["seq"] for line in lines(tmp_path / "events.jsonl")] == [1, 2, 3]
    assert sound(folder) == SessionRecord(SESSION, None, (run(1),), ())


def test_whatever_files_a_crash_let_come_into_being_keeping_again_makes_it_whole(tmp_path: Path) -> None:
    """Every state between two files being written is tried: any of the new ones missing, the others there."""
    log = Log()
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    events = [log.add("session_completed"), log.add("ingest_parked")]
    SessionFolder(before, RULES).keep(news(COMPLETED, events[:1], runs=[run(1)], files=[file("a")], is_whole=True))
    SessionFolder(before, RULES).seal(SessionRecord(COMPLETED, None, (run(1),), (file("a"),)))
    SessionFolder(before, RULES).keep(news(COMPLETED, events[1:]))
    shutil.copytree(before, after)
    again = news(
        SESSION, [log.add("session_restarted"), log.add("run_registered")], runs=[run(1), run(2)], is_whole=True
    )
    SessionFolder(after, RULES).keep(again)
    expected = {path.name: path.read_bytes() for path in after.iterdir()}
    order = ["runs.jsonl", "files.jsonl", "session.json", "later_session.json"]
    for reached in range(len(order) + 1):
        crashed = tmp_path / f"crashed-{reached}"
        shutil.copytree(before, crashed)
        for name in order[:reached]:
            if name in expected:
                (crashed / name).write_bytes(expected[name])
            else:
                (crashed / name).unlink()
        SessionFolder(crashed, RULES).keep(again)
        assert {path.name: path.read_bytes() for path in crashed.iterdir()} == expected, reached


def test_a_session_file_that_cannot_be_read_is_replaced_by_what_is_known(folder: SessionFolder, tmp_path: Path) -> None:
    (tmp_path / "session.json").write_bytes(b"\0\0\0")
    folder.keep(news(SESSION, [Log().add("session_started")]))
    assert sound(folder).session == SESSION


def test_every_file_of_the_record_is_known_by_name(folder: SessionFolder, tmp_path: Path) -> None:
    log = Log()
    folder.keep(news(COMPLETED, [log.add("session_completed")], runs=[run(1)], files=[file("a")]))
    folder.seal(SessionRecord(COMPLETED, None, (run(1),), (file("a"),)))
    folder.keep(news(COMPLETED, [log.add("run_disabled")], runs=[run(1)], files=[file("a")]))
    assert {path.name for path in tmp_path.iterdir()} == OURS
