"""Closed runs: left out and taken in again, moved to another session, given a session of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.model.states import RunState
from beamsession.record.recorder import Recorder
from verb_desk import OTHER, STAFF, WORKER, Desk, open_desk

VERDICTS = (RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)


def registered(desk: Desk, *names: str) -> list[int]:
    """Runs of the open session, one for each file."""
    return [desk.ask("run_register", path=str(desk.file(name))) for name in names]


@pytest.fixture
def two(desk: Desk) -> tuple[Desk, int, int]:
    """A completed session with the runs a, b, c, and the open one with the run d."""
    first = desk.ask("session_start", name="first", metadata={"sample": "CeO2"}, proposal="p7")
    registered(desk, "a.h5", "b.h5", "c.h5")
    second = desk.ask("session_start", name="second")
    registered(desk, "d.h5")
    return desk, first, second


def files(desk: Desk, session: int) -> list[str]:
    return [run["file"].rpartition("/")[2] for run in desk.ask("run_list", session=session)]


def test_a_disabled_run_stays_in_the_list_and_leaves_the_file_list(two: tuple[Desk, int, int]) -> None:
    desk, first, _ = two
    assert desk.ask("run_disable", run=2, session=first) is True
    assert desk.ask("run_disable", run=2, session=first) is False
    assert [run["enabled"] for run in desk.ask("run_list", session=first)] == [True, False, True]
    assert desk.ask("session_files", session=first)[4:] == ["a.h5", "c.h5"]
    assert desk.ask("run_enable", run=2, session=first) is True
    assert desk.ask("session_files", session=first)[4:] == ["a.h5", "b.h5", "c.h5"]
    assert desk.kinds(first)[-2:] == ["run_disabled", "run_enabled"]


def test_a_moved_run_keeps_its_id_and_its_file_and_gets_the_next_number(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    before = {run["file"]: run["id"] for run in desk.ask("run_list", session=first)}
    assert desk.ask("run_move", runs=[3, 1], to=second, session=first) == [2, 3]
    assert files(desk, first) == ["b.h5"]
    assert files(desk, second) == ["d.h5", "a.h5", "c.h5"]
    moved = desk.ask("run_list", session=second)[1]
    assert moved["id"] == before[moved["file"]]
    assert (moved["recorded_in"], moved["recorded_as"]) == (first, 1)
    assert (desk.store.session(first).run_count, desk.store.session(second).run_count) == (1, 3)
    for session in (first, second):
        assert desk.kinds(session)[-2:] == ["run_moved", "run_moved"]
    assert [run.number for run in desk.store.runs_moved_away(first)] == [2, 3]


def test_the_number_of_a_run_that_went_is_never_given_again(two: tuple[Desk, int, int]) -> None:
    desk, _, second = two
    target = desk.ask("session_create", name="target", files=[str(desk.file("loose.txt"))])
    desk.ask("run_move", runs=[1], to=target, session=second)
    assert registered(desk, "e.h5") == [2]
    assert desk.ask("run_move", runs=[1], to=second, session=target) == [3]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_runs_of_every_verdict_can_be_moved_and_detached(desk: Desk, verdict: RunState) -> None:
    origin = desk.ask("session_start", name="origin")
    for _ in range(2):
        desk.ask("run_start")
        assert desk.end(desk.run, verdict, "as it happened") is True
    target = desk.ask("session_start", name="target")
    assert desk.ask("run_move", runs=[1], to=target, session=origin) == [1]
    detached = desk.ask("run_detach", runs=[2], session=origin)
    for session in (target, detached):
        (run,) = desk.ask("run_list", session=session)
        assert (run["state"], run["reason"]) == (verdict.value, "as it happened")


def test_a_run_that_has_not_ended_is_neither_moved_nor_detached(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    desk.ask("run_start")
    refused = [desk.refused("run_move", runs=[1, 2], to=first), desk.refused("run_detach", runs=[1, 2])]
    assert [error.code for error in refused] == ["WRONG_STATE", "WRONG_STATE"]
    assert len(files(desk, second)) == 2


def test_a_detached_session_has_the_metadata_and_the_times_of_its_runs(two: tuple[Desk, int, int]) -> None:
    desk, first, _ = two
    before = {run["file"]: (run["start"], run["stop"]) for run in desk.ask("run_list", session=first)}
    detached = desk.ask("run_detach", runs=[2, 3], name="cut", session=first)
    shown = desk.ask("session_show", session=detached)
    assert (shown["state"], shown["name"], shown["proposal"], shown["user"]) == ("COMPLETED", "cut", "p7", "ana")
    assert (shown["metadata"], shown["source"]) == ({"sample": "CeO2"}, f"detached:{first}")
    assert (shown["start"], shown["stop"]) == (
        before[shown["runs"][0]["file"]][0],
        before[shown["runs"][1]["file"]][1],
    )
    assert [run["number"] for run in shown["runs"]] == [1, 2]
    assert shown["dataset_pid"] == ""


def test_a_detached_session_goes_to_the_catalogue_like_a_completed_one(tmp_path: Path, recorder: Recorder) -> None:
    with open_desk(tmp_path, recorder, ingest_on_complete=True) as desk:
        origin = desk.ask("session_start")
        registered(desk, "a.h5")
        detached = desk.ask("run_detach", runs=[1])
        assert desk.ask("ingest_show", session=detached)["state"] == "pending"
        assert desk.store.ingest(origin) is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"runs": []}, "NO_RUNS"),
        ({"runs": [9]}, "RUN_NOT_FOUND"),
        ({"runs": [1], "session": 99}, "SESSION_NOT_FOUND"),
    ],
)
def test_a_selection_that_says_nothing_moves_nothing(
    two: tuple[Desk, int, int], arguments: dict[str, Any], code: str
) -> None:
    desk, first, second = two
    selection: dict[str, Any] = {"session": first} | arguments
    assert desk.refused("run_move", to=second, **selection).code == code
    assert desk.refused("run_detach", **selection).code == code


def test_what_is_archived_stays_as_it_is(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    desk.ask("session_archive", by=WORKER, session=first, pid="20.500/1")
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("run_move", {"runs": [1], "to": second}),
        ("run_detach", {"runs": [1]}),
        ("run_disable", {"run": 1}),
        ("file_add", {"path": "a.h5"}),
        ("metadata_set", {"values": {"a": 1}}),
    )
    for verb, arguments in changes:
        assert desk.refused(verb, session=first, **arguments).code == "WRONG_STATE"
    assert desk.refused("run_move", runs=[1], to=first, session=second).code == "WRONG_STATE"


def test_runs_of_somebody_else_are_moved_by_staff_only(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    assert desk.refused("run_move", by=OTHER, runs=[1], to=second, session=first).code == "NOT_PERMITTED"
    assert desk.ask("run_move", by=STAFF, runs=[1], to=second, session=first) == [2]


def test_a_file_is_in_a_session_once_also_by_moving(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    path = next(run["file"] for run in desk.ask("run_list", session=first))
    desk.ask("run_register", path=path)
    assert desk.refused("run_move", runs=[1], to=second, session=first).code == "FILE_REGISTERED"
    assert len(files(desk, first)) == 3
