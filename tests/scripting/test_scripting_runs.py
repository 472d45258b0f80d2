"""Runs from a script: listed, left out, moved and detached."""

from __future__ import annotations

import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_complete,
    session_detach,
    session_get_file_list,
    session_get_info,
    session_get_metadata,
    session_get_root,
    session_get_runs,
    session_get_start,
    session_get_state,
    session_get_stop,
    session_move,
    session_set_run_enabled,
    session_start,
)
from scripting_rig import ScriptingRig


@pytest.fixture
def session(rig: ScriptingRig) -> int:
    """An open session with three runs; the last one's file was written elsewhere."""
    number = session_start("runs", {"sample": "CeO2"})
    rig.run("one.nxs", title="first")
    rig.run("two.nxs")
    elsewhere = rig.data_root / f"elsewhere_{number}.nxs"
    elsewhere.write_bytes(b"data")
    rig.call("run_register", path=str(elsewhere))
    return number


def test_a_run_is_told_with_its_file_times_state_and_number(rig: ScriptingRig, session: int) -> None:
    first = session_get_runs()[0]

    assert first["data"] == "one.nxs"
    assert session_get_start() <= first["start"] <= first["stop"]
    assert (first["state"], first["enabled"], first["number"], first["title"]) == ("completed", True, 1, "first")
    assert set(first) == {"data", "start", "stop", "state", "enabled", "number", "id", "title"}


def test_data_outside_the_root_stay_absolute_in_both_forms(rig: ScriptingRig, session: int) -> None:
    elsewhere = f"{rig.data_root}/elsewhere_{session}.nxs"

    assert [run["data"] for run in session_get_runs(session)] == ["one.nxs", "two.nxs", elsewhere]
    root = session_get_root()
    assert [run["data"] for run in session_get_runs(relative=False)] == [
        f"{root}/one.nxs",
        f"{root}/two.nxs",
        elsewhere,
    ]


@pytest.mark.parametrize(("index", "number"), [(-1, 3), (-7, 3), (0, 1), (1, 2)])
def test_a_run_is_disabled_by_its_index_and_any_negative_one_is_the_last(session: int, index: int, number: int) -> None:
    assert session_set_run_enabled(False, index=index) is True
    assert [run["number"] for run in session_get_runs() if not run["enabled"]] == [number]
    assert session_set_run_enabled(False, session, index) is True
    assert session_set_run_enabled(True, session, index) is True
    assert all(run["enabled"] for run in session_get_runs())


def test_an_index_behind_the_last_run_is_answered_with_false(session: int) -> None:
    assert session_set_run_enabled(False, index=3) is False
    assert all(run["enabled"] for run in session_get_runs())


def test_without_runs_the_last_one_cannot_be_disabled(rig: ScriptingRig) -> None:
    session_start("empty")

    assert session_set_run_enabled(False, index=0) is False
    with pytest.raises(BeamsessionError) as refused:
        session_set_run_enabled(False)
    assert refused.value.code == "NO_RUNS"


def test_a_disabled_run_is_left_out_of_the_file_list_and_of_nothing_else(session: int) -> None:
    session_set_run_enabled(False, index=0)

    assert "one.nxs" not in session_get_file_list()
    assert "two.nxs" in session_get_file_list()
    assert len(session_get_runs()) == len(session_get_info()["runs"]) == 3


def test_runs_are_moved_by_the_name_of_their_data_or_their_number(rig: ScriptingRig, session: int) -> None:
    absolute = f"{session_get_root()}/one.nxs"
    session_complete()
    target = session_start("target")

    session_move(session, [absolute, "two.nxs", absolute], target)
    session_move(session, [3], target)

    assert session_get_runs(session) == []
    moved = [run["data"] for run in session_get_runs(target, relative=False)]
    assert [name.rsplit("/")[-1] for name in moved] == ["one.nxs", "two.nxs", f"elsewhere_{session}.nxs"]
    assert moved[0] == absolute


def test_one_name_alone_means_one_run(rig: ScriptingRig, session: int) -> None:
    session_complete()
    target = session_start("target")

    session_move(session, "two.nxs", target)

    assert [run["number"] for run in session_get_runs(session)] == [1, 3]


def test_nothing_is_moved_where_one_run_is_unknown(rig: ScriptingRig, session: int) -> None:
    session_complete()
    target = session_start("target")

    for unknown in ("nine.nxs", 9):
        with pytest.raises(BeamsessionError) as refused:
            session_move(session, ["one.nxs", unknown], target)
        assert refused.value.code == "RUN_NOT_FOUND"
    with pytest.raises(BeamsessionError) as empty:
        session_move(session, [], target)
    assert empty.value.code == "NO_RUNS"
    assert (len(session_get_runs(session)), session_get_runs(target)) == (3, [])


def test_a_session_moved_onto_itself_keeps_its_runs(session: int) -> None:
    with pytest.raises(BeamsessionError):
        session_move(session, ["one.nxs"], session)
    assert len(session_get_runs(session)) == 3


def test_detached_runs_make_a_completed_session_of_their_own(session: int) -> None:
    runs = session_get_runs()

    new = session_detach("detached", session, ["one.nxs", 2])

    assert session_get_state(new) == "completed"
    assert session_get_info(new)["name"] == "detached"
    assert session_get_metadata(new) == {"sample": "CeO2"}
    assert (session_get_start(new), session_get_stop(new)) == (runs[0]["start"], runs[1]["stop"])
    assert [run["id"] for run in session_get_runs(new)] == [run["id"] for run in runs[:2]]
    assert [run["number"] for run in session_get_runs(session)] == [3]


def test_detach_refuses_a_run_that_is_unknown(session: int) -> None:
    with pytest.raises(BeamsessionError) as refused:
        session_detach("detached", session, ["nine.nxs"])
    assert refused.value.code == "RUN_NOT_FOUND"
    assert len(session_get_runs(session)) == 3
