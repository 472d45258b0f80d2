"""What scripts can ask about sessions, of the open one and by id; what unknown ids are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beamsession import sessions
from beamsession.sessions import (
    BeamsessionError,
    session_add_file,
    session_cancel,
    session_complete,
    session_get_info,
    session_get_root,
    session_get_runs,
    session_get_start,
    session_get_state,
    session_get_stop,
    session_ids,
    session_start,
)
from scripting_rig import ScriptingRig

pytestmark = pytest.mark.usefixtures("rig")
OF_ONE_SESSION = (
    "session_get_name",
    "session_get_state",
    "session_get_start",
    "session_get_root",
    "session_get_info",
    "session_get_metadata",
    "session_get_runs",
    "session_get_additional_files",
    "session_get_file_list",
)


@pytest.mark.parametrize("name", OF_ONE_SESSION)
def test_without_an_id_a_session_must_be_open(name: str) -> None:
    function: Callable[..., Any] = getattr(sessions, name)

    with pytest.raises(BeamsessionError) as refused:
        function()
    assert (refused.value.code, refused.value.sentence) == ("SESSION_NOT_FOUND", "No session is open.")


@pytest.mark.parametrize("name", [*OF_ONE_SESSION, "session_get_stop"])
@pytest.mark.parametrize("number", [999_999, 0, -1])
def test_an_unknown_id_is_an_error_also_while_a_session_is_open(name: str, number: int) -> None:
    session_start("open")
    function: Callable[..., Any] = getattr(sessions, name)

    with pytest.raises(BeamsessionError) as refused:
        function(number)
    assert refused.value.code == "SESSION_NOT_FOUND"


def test_ids_are_those_of_completed_and_archived_sessions() -> None:
    done = session_start("done")
    session_complete()
    cancelled = session_start("cancelled")
    session_cancel()
    open_one = session_start("open")

    ids = session_ids()
    assert ids == sorted(ids)
    assert done in ids
    assert open_one not in ids
    assert session_ids("started") == [open_one]
    assert {done, open_one} <= set(session_ids("all"))
    assert cancelled not in session_ids("all")
    assert cancelled in session_ids("cancelled")


def test_ids_can_be_restricted_to_a_user(rig: ScriptingRig) -> None:
    of_anna = rig.call("session_start", name="anna's")
    session_complete()
    mine = session_start("mine")
    session_complete()

    assert of_anna in session_ids(user="anna")
    assert mine not in session_ids("completed", "anna")
    assert session_ids(user="nobody at all") == []


def test_ids_are_all_there_however_many_pages_they_fill(rig: ScriptingRig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        session_start(name)
        session_complete()
    at_once = session_ids("all")
    monkeypatch.setattr("beamsession.faces.scripting.lookup._PAGE", 2)

    assert session_ids("all") == at_once
    assert len(at_once) >= 3


def test_ids_refuse_a_state_that_does_not_exist() -> None:
    with pytest.raises(BeamsessionError) as refused:
        session_ids("finished")
    assert refused.value.code == "BAD_STATE"


def test_info_has_the_facts_of_a_session(rig: ScriptingRig) -> None:
    number = session_start("info")
    rig.run("scan.nxs")
    session_add_file(rig.file("notes.txt"))
    info = session_get_info()
    stop = info.get("stop")
    session_complete()

    assert stop is None
    assert info == {
        "id": number,
        "name": "info",
        "user": session_get_info(number)["user"],
        "start": session_get_start(number),
        "state": "started",
        "root": session_get_root(number),
        "format": "h5",
        "layout": "nx",
        "mode": "On",
        "runs": session_get_runs(number),
        "files": ["notes.txt"],
    }
    assert session_get_info(number)["stop"] == session_get_stop(number)


def test_the_stop_of_an_open_session_is_none() -> None:
    assert session_get_stop(session_start("open")) is None


def test_an_id_can_be_a_number_of_any_integer_type() -> None:
    class Number:
        def __index__(self) -> int:
            return number

    number = session_start("index")

    assert session_get_state(Number()) == "started"  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        session_get_state(str(number))  # pyright: ignore[reportArgumentType]
