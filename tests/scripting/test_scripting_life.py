"""Starting, pausing, completing, cancelling and restarting from a script; and what is silent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_add_file,
    session_cancel,
    session_complete,
    session_create,
    session_get_additional_files,
    session_get_metadata,
    session_get_name,
    session_get_root,
    session_get_runs,
    session_get_start,
    session_get_state,
    session_get_stop,
    session_id,
    session_ids,
    session_name,
    session_pause,
    session_paused,
    session_restart,
    session_resume,
    session_set_metadata,
    session_start,
    session_started,
)
from scripting_rig import ScriptingRig

pytestmark = pytest.mark.usefixtures("rig")


def test_start_returns_the_id_of_the_session_that_is_open_now() -> None:
    number = session_start("Łukasz 2θ", {"sample": "CeO2"})

    assert session_id() == number
    assert session_name() == session_get_name() == "Łukasz 2θ"
    assert session_get_metadata() == {"sample": "CeO2"}
    assert session_get_state() == "started"


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_blank_name_becomes_unnamed(name: str | None) -> None:
    session_start(name)

    assert session_name() == "unnamed"


def test_start_without_metadata_takes_the_typed_defaults_of_the_definition() -> None:
    session_start("defaults")

    assert session_get_metadata() == {"sample": "", "energy": 12.4, "exposures": [1, 2], "beam_on": True}


def test_start_types_the_values_and_leaves_the_callers_dict_as_it_is() -> None:
    given = {"energy": "7.1", "counts": "12", "own": {"a": (1, 2)}}

    session_start("typed", given)

    assert session_get_metadata() == {"energy": 7.1, "counts": 12, "own": {"a": [1, 2]}}
    assert given == {"energy": "7.1", "counts": "12", "own": {"a": (1, 2)}}


def test_start_completes_an_open_session_in_which_something_was_done(rig: ScriptingRig) -> None:
    used = session_start("used")
    session_add_file(rig.file("notes.txt"))
    session_start("next")

    assert session_get_state(used) == "completed"
    assert session_get_additional_files(used) == ["notes.txt"]


def test_start_cancels_an_untouched_one_and_its_id_never_comes_again() -> None:
    untouched = session_start("untouched")
    following = session_start("next")

    assert session_get_state(untouched) == "cancelled"
    assert following > untouched


def test_pause_and_resume_say_whether_there_was_anything_to_do() -> None:
    assert (session_pause(), session_resume()) == (False, False)
    session_start("paused")

    assert (session_paused(), session_resume()) == (False, False)
    assert (session_pause(), session_pause()) == (True, False)
    assert (session_started(), session_paused(), session_get_state()) == (True, True, "paused")
    assert session_resume()
    assert (session_started(), session_paused(), session_get_state()) == (True, False, "started")


def test_complete_ends_the_session_and_is_silent_without_one(rig: ScriptingRig) -> None:
    number = session_start("complete")
    rig.run("scan.nxs")

    assert session_complete() is True
    assert (session_id(), session_name(), session_started(), session_paused()) == (0, "unknown", False, False)
    assert session_get_state(number) == "completed"
    assert session_complete() is False


def test_a_paused_session_can_be_completed() -> None:
    number = session_start("complete")
    session_pause()

    assert session_complete()
    assert session_get_state(number) == "completed"


def test_asking_without_a_session_leaves_no_refusal_behind(rig: ScriptingRig) -> None:
    before = rig.call("refusal_list", limit=1000)

    assert (session_complete(), session_id(), session_name(), session_paused()) == (False, 0, "unknown", False)
    assert rig.call("refusal_list", limit=1000) == before


def test_cancel_takes_an_empty_session_away(rig: ScriptingRig) -> None:
    assert session_cancel() is False
    number = session_start("cancelled")

    assert session_cancel() is True
    assert session_id() == 0
    assert session_get_state(number) == "cancelled"
    assert number not in session_ids("all")


def test_cancel_of_a_session_with_a_disabled_run_does_nothing(rig: ScriptingRig) -> None:
    session_start("kept")
    rig.call("run_disable", run=rig.run("scan.nxs"))

    assert session_cancel() is False
    assert session_get_state() == "started"


def test_restart_opens_a_completed_session_again(rig: ScriptingRig) -> None:
    number = session_start("again")
    rig.run("scan.nxs")
    start = session_get_start()
    session_complete()

    assert session_restart(number) == number
    assert (session_id(), session_get_state(), session_get_start()) == (number, "started", start)
    assert session_get_stop(number) is None
    assert [run["data"] for run in session_get_runs()] == ["scan.nxs"]


def test_restart_of_the_open_session_keeps_it() -> None:
    number = session_start("empty")
    session_pause()

    assert session_restart(number) == number
    assert (session_id(), session_get_state()) == (number, "started")


def test_restart_completes_the_open_session() -> None:
    first = session_start("first")
    session_complete()
    second = session_start("second")
    session_set_metadata("sample", "CeO2")
    session_restart(first)

    assert (session_id(), session_get_state(second)) == (first, "completed")


def test_a_cancelled_or_unknown_session_is_not_restarted() -> None:
    cancelled = session_start("cancelled")
    session_cancel()

    with pytest.raises(BeamsessionError) as refused:
        session_restart(cancelled)
    assert refused.value.code == "WRONG_STATE"
    with pytest.raises(BeamsessionError) as unknown:
        session_restart(999_999)
    assert unknown.value.code == "SESSION_NOT_FOUND"
    assert session_id() == 0


def test_a_closed_session_of_somebody_else_is_not_restarted_and_not_changed(rig: ScriptingRig) -> None:
    of_anna = rig.call("session_start", name="anna's", metadata={"sample": "hers"})
    assert session_complete()

    for change in (lambda: session_restart(of_anna), lambda: session_set_metadata("sample", "mine", of_anna)):
        with pytest.raises(BeamsessionError) as refused:
            change()
        assert refused.value.code == "NOT_PERMITTED"
    assert (session_get_state(of_anna), session_get_metadata(of_anna)) == ("completed", {"sample": "hers"})


def test_create_makes_a_completed_session_of_files_and_leaves_the_open_one_open(rig: ScriptingRig) -> None:
    open_one = session_start("open")
    old, new = rig.file("old.dat"), rig.file("new.dat")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    os.utime(new, (1_600_000_100.5, 1_600_000_100.5))

    made = session_create("of files", [old, str(new)], {"sample": "CeO2"})

    assert session_id() == open_one
    assert session_get_state(made) == "completed"
    assert (session_get_start(made), session_get_stop(made)) == (1_600_000_000_000, 1_600_000_100_500)
    assert sorted(session_get_additional_files(made, relative=False)) == [str(new), str(old)]
    assert (session_get_runs(made), session_get_metadata(made)) == ([], {"sample": "CeO2"})


def test_create_looks_for_relative_files_below_the_root_that_is_given(rig: ScriptingRig) -> None:
    session_start("open")
    file = rig.file("sub/one.dat")

    made = session_create("of a root", ["one.dat"], root=str(file.parent))
    by_data_root = session_create("of the data root", [file.relative_to(rig.data_root)])

    assert session_get_additional_files(made, relative=False) == [str(file)]
    assert session_get_additional_files(by_data_root, relative=False) == [str(file)]


def test_create_refuses_a_file_that_is_missing(rig: ScriptingRig) -> None:
    before = session_ids("all")

    with pytest.raises(BeamsessionError) as refused:
        session_create("missing", ["nowhere.dat"])

    assert refused.value.code == "FILE_NOT_FOUND"
    assert session_ids("all") == before


def test_start_time_is_the_moment_of_start_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    number = session_start("now")
    start = session_get_start()
    session_complete()

    assert before <= start <= time.time_ns() // 1_000_000
    assert isinstance(start, int)
    assert start <= (session_get_stop(number) or 0)


def test_the_folder_of_a_session_that_is_open_belongs_to_it_alone(rig: ScriptingRig) -> None:
    first = session_start("one")
    root = Path(session_get_root())
    session_complete()
    session_start("one")

    assert root.is_relative_to(rig.data_root)
    assert session_get_root() != str(root) == session_get_root(first)
