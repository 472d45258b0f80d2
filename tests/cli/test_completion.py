"""What Tab offers: verbs and options always, values of the beamline where it answers; and never a complaint."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command_line import CommandLine
from served_beamline import ServedBeamline, served_beamline

PATIENT = {"BEAMSESSION_COMPLETION_S": "50"}
PROGRAM = Path(sys.executable).parent / "beamsession"


@pytest.fixture(scope="module")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBeamline]:
    """A beamline with two sessions, the second open with a run."""
    with served_beamline(tmp_path_factory.mktemp("beamline")) as served:
        served("session", "start", "first")
        served("comment", "add", "kept")
        served("session", "start", "second", "--title", "Łukasz 2θ")
        (served.folder / "data" / "a.h5").write_bytes(b"x")
        assert served("run", "register", str(served.folder / "data" / "a.h5")).out == "1\n"
        yield served


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A command line without a server."""
    return CommandLine.of(tmp_path)


def offered(complete: Callable[..., list[str]], *words: str) -> list[str]:
    """What is offered where there is time: a busy machine may miss the usual limit of one second."""
    return complete(*words, **PATIENT)


def test_verbs_and_options_are_offered_without_any_beamline(line: CommandLine) -> None:
    assert {"session", "run", "config"} <= set(line.complete("", BEAMSESSION_CONFIG=""))
    assert line.complete("session", "re", BEAMSESSION_CONFIG="") == ["restart", "resume", "rename"]
    assert "--proposal" in line.complete("session", "start", "--pro")


def test_states_are_offered(line: CommandLine) -> None:
    assert [word.lower() for word in line.complete("session", "list", "--state", "can")] == ["cancelled"]


def test_sessions_are_offered_by_their_ids(beamline: ServedBeamline) -> None:
    assert offered(beamline.complete, "session", "show", "") == ["2", "1"]
    assert offered(beamline.complete, "session", "show", "1") == ["1"]
    assert offered(beamline.complete, "run", "list", "--session", "") == ["2", "1"]
    assert offered(beamline.complete, "run", "move", "1", "--to", "") == ["2", "1"]


def test_shells_that_show_more_get_titles_too(beamline: ServedBeamline) -> None:
    asked = {"_BEAMSESSION_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "beamsession session show "}
    assert '"2":"Łukasz 2θ"' in beamline(**asked, **PATIENT).out


def test_runs_are_those_of_the_session_named(beamline: ServedBeamline) -> None:
    assert offered(beamline.complete, "run", "show", "") == ["1"]
    assert beamline.complete("run", "disable", "--session", "1", "") == []


def test_keys_of_metadata_are_offered_as_defined(line: CommandLine) -> None:
    assert line("session", "start").code == 0
    keys = '[[metadata.keys]]\nname = "energy"\ntype = "Double"\n[[metadata.keys]]\nname = "sample"\ntype = "String"\n'
    line.config.write_text(line.config.read_text() + keys)
    assert offered(line.complete, "session", "start", "-m", "e") == ["energy="]
    assert offered(line.complete, "metadata", "set", "") == ["energy=", "sample="]


def test_detectors_are_those_of_the_configuration(line: CommandLine) -> None:
    cameras = ""
    for name in ("cam1", "eiger"):
        cameras += f'[[detectors]]\nname = "{name}"\nsource = "pva"\npv = "{name}:Image"\n'
    line.config.write_text(line.config.read_text() + cameras)
    assert offered(line.complete, "run", "start", "--detector", "") == ["cam1", "eiger"]
    assert offered(line.complete, "run", "check", "--detectors", "e") == ["eiger"]


def test_where_nothing_is_known_nothing_is_offered(line: CommandLine) -> None:
    assert line.complete("session", "show", "", BEAMSESSION_CONFIG="", BEAMSESSION_STATE="/none") == []
    assert line.complete("session", "show", "") == []
    line.config.write_text("not toml")
    assert line.complete("session", "show", "") == []


def test_a_server_that_never_answers_is_not_waited_for(line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        device = f"tango://127.0.0.1:{mute.getsockname()[1]}/a/b/c#dbase=no"
        quick = time.monotonic()
        line.complete("session", "")
        slow = time.monotonic()
        assert line.complete("session", "show", "", BEAMSESSION_DEVICE=device, BEAMSESSION_CONFIG="") == []
        assert time.monotonic() - slow < (slow - quick) + 20


def test_a_shell_can_be_taught(line: CommandLine) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} --show-completion; true"],
        env=line.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "_BEAMSESSION_COMPLETE=complete_bash" in done.stdout
    subprocess.run(
        ["bash", "-c", f"{PROGRAM} --install-completion; true"], env=line.environment(), check=True, timeout=60
    )
    assert "beamsession" in (line.folder / ".bashrc").read_text()
