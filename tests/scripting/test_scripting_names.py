"""The names and arguments that scripts were written for, what an import brings along, and an old script as it is."""

from __future__ import annotations

import getpass
import inspect
import os
import subprocess
import sys

import pytest

from beamsession import sessions
from beamsession.faces.scripting.path import FOLDER
from beamsession.sessions import session_get_name, session_get_state, session_start
from scripting_rig import ScriptingRig

PUBLISHED = {
    "session_start": "name, metadata=None",
    "session_complete": "",
    "session_pause": "",
    "session_resume": "",
    "session_cancel": "",
    "session_id": "",
    "session_name": "",
    "session_started": "",
    "session_paused": "",
    "session_add_file": "path",
    "session_ids": "",
    "session_get_name": "id=None",
    "session_get_state": "id=None",
    "session_get_start": "id=None",
    "session_get_stop": "id",
    "session_get_root": "id=None",
    "session_get_info": "id=None",
    "session_get_metadata": "id=None",
    "session_set_metadata": "key, value, id=None",
    "session_get_metadata_keys": "",
    "session_get_metadata_type": "key",
    "session_get_metadata_default": "key",
    "session_get_runs": "id=None, relative=True",
    "session_set_run_enabled": "enabled, id=None, index=-1",
    "session_get_additional_files": "id=None, relative=True",
    "session_get_file_list": "id=None, relative=True",
    "session_create_zip": "file_name, id=None, preserve_folder_structure=True",
    "session_ingest_scicat": "id, matadata={}",
    "ingest_scicat": "id, matadata={}, parameters=None",
    "session_restart": "id",
    "session_move": "origin, files, dest",
    "session_detach": "name, id, files",
    "session_create": "name, files, metadata=None, root=None",
}


DESK = {"ingest_status", "ingest_show", "ingest_retry", "ingest_cancel", "ingest_dry_run", "ingest_payload"}


def _positional(name: str) -> list[str]:
    signature = inspect.signature(getattr(sessions, name))
    return [
        item.name if item.default is item.empty else f"{item.name}={item.default!r}"
        for item in signature.parameters.values()
        if item.kind is item.POSITIONAL_OR_KEYWORD
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_function_takes_what_was_published_and_more_only_behind_it(name: str) -> None:
    published = PUBLISHED[name].split(", ") if PUBLISHED[name] else []
    more = _positional(name)[len(published) :]

    assert _positional(name)[: len(published)] == published
    assert all(item.endswith("=None") for item in more)


def test_a_star_import_gives_these_functions_the_error_and_no_more() -> None:
    assert set(sessions.__all__) == {*PUBLISHED, *DESK, "use", "BeamsessionError"}
    assert len(sessions.__all__) == len(set(sessions.__all__))


def test_an_import_connects_to_nothing_and_loads_no_database_and_no_configuration() -> None:
    program = (
        "import sys; from beamsession.sessions import *\n"
        "heavy = {'sqlalchemy', 'alembic', 'dbos', 'h5py', 'httpx', 'typer', 'p4p', 'epics',\n"
        "         'beamsession.store', 'beamsession.config', 'beamsession.verbs', 'beamsession.record'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    assert _output(program, TANGO_HOST="127.0.0.1:1") == "[]"


def test_a_published_script_runs_as_it_stands(rig: ScriptingRig) -> None:
    program = (
        "from sessions import *\n"
        "number = session_start('old script', {'sample': 'CeO2'})\n"
        "session_pause()\n"
        "print(number, session_get_state(), session_get_metadata())"
    )

    number, shown = _output(program, PYTHONPATH=str(FOLDER), BEAMSESSION_DEVICE=rig.address).split(" ", 1)

    assert shown == "paused {'sample': 'CeO2'}"
    assert session_get_name(int(number)) == "old script"
    assert session_get_state(int(number)) == "paused"


def test_a_script_acts_as_the_user_who_runs_it(rig: ScriptingRig) -> None:
    number = session_start("mine")
    event = rig.call("event_list", session=number)[0]

    assert (event["principal"], event["face"]) == (getpass.getuser(), "scripting")


def _output(program: str, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BEAMSESSION", "TANGO_HOST"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
