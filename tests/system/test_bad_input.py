"""Bad input: one useful sentence, a stable code, nothing changed, and a line in the log of refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tango

from system_up import Client, Up, reason_of

LONG = "x" * 10_000


def refused(client: Client, act: Callable[[], Any]) -> tuple[str, str]:
    """Code and sentence; nothing may have changed, and the refusal must be logged."""
    count, state = client.read("EventCount"), client.read("SessionState")
    with pytest.raises(tango.DevFailed) as failure:
        act()
    code, sentence = reason_of(failure.value)
    assert client.read("SessionState") == state
    assert not [event for event in client.ask("event_list", after=count) if event["face"] == "tango"]
    assert client.ask("refusal_list", limit=1)[0]["code"] == code
    assert client.read("LastError")
    return code, sentence


@pytest.mark.parametrize("command", ["Pause", "Resume", "Complete", "Cancel", "StopRun", "AbortRun"])
def test_commands_without_a_session_say_so(client: Client, command: str) -> None:
    code, sentence = refused(client, getattr(client, command))
    assert code == "WRONG_STATE"
    assert sentence.startswith("No ")


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("a/b", "BAD_NAME"),
        ("..", "BAD_NAME"),
        ("tab\there", "BAD_NAME"),
        (LONG, "BAD_NAME"),
        ('{"name": ', "BAD_JSON"),
        ('{"nam": "x"}', "BAD_ARGUMENTS"),
        ('{"name": 5}', "BAD_ARGUMENTS"),
        ('{"name": "x", "proposal": "../../etc"}', "BAD_PROPOSAL"),
        ('{"name": "x", "metadata": {"": 1}}', "BAD_METADATA"),
        ('{"name": "x", "title": "' + "t" * 201 + '"}', "BAD_TITLE"),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(client: Client, argument: str, code: str) -> None:
    assert refused(client, lambda: client.Start(argument))[0] == code


def test_a_refused_start_leaves_the_open_session_alone(client: Client) -> None:
    session = client.Start("stays")
    refused(client, lambda: client.Start("a/b"))
    assert client.read("SessionId") == session


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ({"frames": 0}, "BAD_FRAMES"),
        ({"frames": -5}, "BAD_FRAMES"),
        ({"frames": "many"}, "BAD_ARGUMENTS"),
        ({"detectors": ["nobody"]}, "UNKNOWN_DETECTOR"),
        ("not json", "BAD_JSON"),
        ("[1, 2]", "BAD_JSON"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(client: Client, argument: Any, code: str) -> None:
    client.Start("run")
    assert refused(client, lambda: client.StartRun(argument))[0] == code


def test_runs_are_refused_while_paused(client: Client, tmp_path: Path) -> None:
    client.Start("paused")
    client.Pause()
    assert refused(client, lambda: client.StartRun(""))[0] == "WRONG_STATE"
    assert refused(client, lambda: client.RegisterRun(str(tmp_path / "x.h5")))[0] == "WRONG_STATE"
    assert refused(client, client.Pause)[0] == "WRONG_STATE"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "OUTSIDE_ROOTS"),
        ("../../../../etc/passwd", "OUTSIDE_ROOTS"),
        ("no_such_file.dat", "FILE_NOT_FOUND"),
        ("", "BAD_PATH"),
        ("bell\x07", "BAD_PATH"),
        (LONG, "BAD_PATH"),
    ],
)
def test_files_that_may_not_or_cannot_be_added_are_refused(client: Client, path: str, code: str) -> None:
    client.Start("files")
    assert refused(client, lambda: client.AddFile(path))[0] == code


def test_a_symbolic_link_does_not_lead_out_of_the_roots(up: Up, client: Client) -> None:
    client.Start("link")
    root = Path(up.ready["data_root"])
    link = root / "link_to_passwd"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/passwd")
    assert refused(client, lambda: client.AddFile(str(link)))[0] == "OUTSIDE_ROOTS"


def test_cancel_is_refused_once_there_is_a_run(up: Up, client: Client) -> None:
    client.Start("has a run")
    client.StartRun({"frames": 1, "detectors": ["camera"]})
    client.await_verdict()
    assert refused(client, client.Cancel)[0] == "WRONG_STATE"


@pytest.mark.parametrize("text", ["", "{", '{"sample": }', "[]", '{"a": NaN}'])
def test_metadata_that_are_no_object_are_refused(client: Client, text: str) -> None:
    client.Start("metadata")
    client.proxy.write_attribute("Metadata", '{"kept": 1}')
    if not text:
        client.proxy.write_attribute("Metadata", text)  # nothing is an empty object
        assert client.read("Metadata") == "{}"
        return
    refused(client, lambda: client.proxy.write_attribute("Metadata", text))
    assert json.loads(client.read("Metadata")) == {"kept": 1}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"verb": "no_such_verb"}, "UNKNOWN_VERB"),
        ({"verb": 5}, "BAD_CALL"),
        ({"verb": "session_list", "args": {"limit": "x"}}, "BAD_ARGUMENTS"),
        ({"verb": "session_show", "args": {"session": 987654}}, "SESSION_NOT_FOUND"),
        ({"verb": "session_archive", "args": {"session": 1, "pid": "x"}}, "NOT_PERMITTED"),
        ({"verb": "session_list", "principal": {"name": "eve", "role": "worker"}}, "NOT_PERMITTED"),
        ({"verb": "session_list", "token": "guess"}, "BAD_TOKEN"),
        ({"verb": "session_list", "principal": {"name": ""}}, "BAD_PRINCIPAL"),
    ],
)
def test_calls_that_cannot_be_understood_or_are_not_permitted_are_refused(
    client: Client, call: dict[str, Any], code: str
) -> None:
    assert refused(client, lambda: client.Call(call))[0] == code


def test_a_repeated_request_is_done_once(client: Client) -> None:
    call = {"verb": "session_start", "args": {"name": "once"}, "request_id": "a-request-of-this-test"}
    first = client.Call(call)
    assert client.Call(call) == first
    assert int(first) == client.read("SessionId")
    other = {**call, "args": {"name": "twice"}}
    assert refused(client, lambda: client.Call(other))[0] == "REQUEST_ID_REUSED"


def test_text_beyond_latin_1_travels_exactly(client: Client) -> None:
    client.Start({"name": "Łukasz 2θ", "title": "θ scan", "metadata": {"Å": "λ"}})
    assert client.read("SessionName") == "Lukasz 2theta"
    shown = client.ask("session_show")
    assert (shown["name"], shown["title"], shown["metadata"]) == ("Łukasz 2θ", "θ scan", {"Å": "λ"})


def test_a_second_up_on_the_same_state_is_refused(up: Up) -> None:
    command = [sys.executable, "-m", "beamsession.servers.up", "--simulate", "--state", str(up.state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert str(up.process.pid) in done.stderr
