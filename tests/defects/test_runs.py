"""Runs: verdicts reach the run they belong to, moves lose nothing, one file is one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.model.adopted import AdoptedRun, AdoptedSession
from beamsession.model.clock import utc_now
from beamsession.model.states import RunState
from verb_desk import WORKER, Desk

VERDICTS = (RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)


def test_a_verdict_goes_to_its_own_run_though_another_one_came_last(desk: Desk) -> None:
    """Elsewhere a result was written to whichever run was the last at that moment."""
    session = desk.ask("session_start")
    desk.ask("run_start")
    recorded = desk.run
    desk.ask("run_register", path=str(desk.file("later.h5")))
    desk.end(recorded, RunState.INCOMPLETE, "2 frames missing")
    states = [run["state"] for run in desk.ask("run_list", session=session)]
    assert states == ["INCOMPLETE", "COMPLETED"]


def test_a_verdict_is_recorded_when_no_session_is_open_any_more(desk: Desk) -> None:
    """Elsewhere nothing was recorded then."""
    session = desk.ask("session_start")
    desk.ask("run_start")
    run = desk.run
    desk.ask("session_complete")
    assert desk.store.open_session("beamline") is None
    desk.end(run, RunState.FAILED, "The disk is gone.")
    shown = desk.ask("run_show", run=1, session=session)
    assert (shown["state"], shown["reason"]) == ("FAILED", "The disk is gone.")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_runs_of_every_verdict_can_be_moved_and_given_a_session_of_their_own(desk: Desk, verdict: RunState) -> None:
    """Elsewhere only runs in the state `completed` could be, not even those that were transferred correctly."""
    origin = desk.ask("session_start", name="origin")
    for _ in range(2):
        desk.ask("run_start")
        desk.end(desk.run, verdict)
    target = desk.ask("session_start", name="target")
    desk.ask("run_move", runs=[1], to=target, session=origin)
    detached = desk.ask("run_detach", runs=[2], name="detached", session=origin)
    assert [run["state"] for run in desk.ask("run_list", session=target)] == [verdict.value]
    assert [run["state"] for run in desk.ask("run_list", session=detached)] == [verdict.value]


def test_a_session_moved_onto_itself_keeps_its_runs(desk: Desk) -> None:
    """Elsewhere they were gone."""
    session = desk.ask("session_start")
    desk.ask("run_register", path=str(desk.file("a.h5")))
    before = desk.ask("run_list")
    assert desk.refused("run_move", runs=[1], to=session).code == "SAME_SESSION"
    assert desk.ask("run_list") == before


def test_the_file_of_a_moved_run_is_still_found(desk: Desk) -> None:
    """Elsewhere a path relative to the old session's root was taken along to a session with another root."""
    origin = desk.ask("session_start", name="origin")
    file = desk.file("a.h5", b"frames")
    desk.ask("run_register", path=str(file))
    target = desk.ask("session_start", name="target")
    (number,) = desk.ask("run_move", runs=[1], to=target, session=origin)
    moved = Path(desk.ask("run_show", run=number, session=target)["file"])
    assert moved.read_bytes() == b"frames"
    assert str(file) in desk.ask("session_files", session=target)


def test_a_move_deletes_no_file(desk: Desk) -> None:
    """Elsewhere a transfer that moved deleted its source without looking at the copy."""
    origin = desk.ask("session_start", name="origin")
    file = desk.file("a.h5", b"frames")
    desk.ask("run_register", path=str(file))
    desk.ask("run_detach", runs=[1], name="detached", session=origin)
    assert file.read_bytes() == b"frames"


@pytest.mark.parametrize("how", ["start", "complete and start", "restart"])
def test_a_run_spanning_two_sessions_ends_in_its_own(desk: Desk, how: str) -> None:
    """Elsewhere it stayed `running` in the first for ever, and its end was stamped on a run of the second."""
    old = desk.ask("session_start", name="old")
    desk.ask("comment_add", text="kept")
    first = desk.ask("session_start", name="first")
    desk.ask("run_start")
    run = desk.run
    match how:
        case "start":
            second = desk.ask("session_start", name="second")
        case "complete and start":
            desk.ask("session_complete")
            second = desk.ask("session_start", name="second")
        case _:
            second = desk.ask("session_restart", session=old)
    other = desk.ask("run_register", path=str(desk.file("other.h5")))
    desk.end(run, RunState.COMPLETED)
    assert [item["state"] for item in desk.ask("run_list", session=first)] == ["COMPLETED"]
    assert desk.ask("session_show", session=first)["state"] == "COMPLETED"
    (only,) = desk.ask("run_list", session=second)
    assert (only["number"], only["file"].endswith("other.h5")) == (other, True)


def test_one_file_is_one_run_of_a_session(desk: Desk) -> None:
    """Elsewhere a file opened twice was two runs, and enabling by path reached the first only."""
    desk.ask("session_start")
    path = str(desk.file("a.h5"))
    desk.ask("run_register", path=path)
    assert desk.refused("run_register", path="a.h5").code == "FILE_REGISTERED"
    assert len(desk.ask("run_list")) == 1


def test_no_run_comes_to_a_session_that_has_its_file(desk: Desk) -> None:
    """Elsewhere a move made two records of one file."""
    first = desk.ask("session_start", name="first")
    path = str(desk.file("a.h5"))
    desk.ask("run_register", path=path)
    second = desk.ask("session_start", name="second")
    desk.ask("run_register", path=path)
    for origin, to in ((first, second), (second, first)):
        assert desk.refused("run_move", runs=[1], session=origin, to=to).code == "FILE_REGISTERED"
    assert [len(desk.ask("run_list", session=session)) for session in (first, second)] == [1, 1]


def test_a_file_that_was_recorded_twice_is_imported_as_one_run(desk: Desk, tmp_path: Path) -> None:
    """Elsewhere the second record of a file could not be disabled."""
    names = ("a.h5", "b.h5", "a.h5")
    runs = [AdoptedRun(file=tmp_path / name, start=utc_now(), title=str(at)) for at, name in enumerate(names)]
    record = AdoptedSession(source="pshell:/old/1", name="old", start=utc_now(), stop=utc_now(), runs=tuple(runs))
    session = desk.ask("session_adopt", by=WORKER, record=record.model_dump(mode="json"))
    assert [run["title"] for run in desk.ask("run_list", session=session)] == ["0", "1"]


def test_a_disabled_run_leaves_the_file_list(desk: Desk) -> None:
    """Elsewhere the file stayed listed while a second record of it was enabled."""
    desk.ask("session_start")
    desk.ask("run_register", path=str(desk.file("a.h5")))
    assert "a.h5" in desk.ask("session_files")
    assert desk.ask("run_disable", run=1) is True
    assert "a.h5" not in desk.ask("session_files")
    assert [run["enabled"] for run in desk.ask("run_list")] == [False]


def test_the_number_of_the_run_tells_which_one_is_meant(desk: Desk) -> None:
    """Elsewhere a session without runs answered an index with an internal error."""
    desk.ask("session_start")
    assert desk.refused("run_disable", run=1).code == "RUN_NOT_FOUND"
