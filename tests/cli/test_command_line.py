"""The command line without a server: it works on the store itself, and says in one sentence what is wrong."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from beamsession import __version__
from beamsession.store.instrument_lock import InstrumentLock
from command_line import CommandLine, Done


@pytest.fixture(scope="module")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A beamline with two sessions; the second is open."""
    line = CommandLine.of(tmp_path_factory.mktemp("beamline"))
    assert line("session", "start", "scan 1", "--proposal", "p1", "--metadata", '{"sample": "CeO2"}').out == "1\n"
    assert line("comment", "add", "kept").code == 0
    assert line("session", "start", "--name", "[red]θ").out == "2\n"
    return line


def answer(done: Done) -> object:
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_lists_are_tables_without_empty_columns(beamline: CommandLine) -> None:
    done = beamline("session", "list")
    assert (done.code, done.err) == (0, "")
    heading, rule, *rows = done.out.splitlines()
    assert heading.split() == ["id", "name", "state", "user", "proposal", "start", "stop"]
    assert set(rule.strip()) == {"─"}
    assert [row.split()[:2] for row in rows] == [["2", "[red]θ"], ["1", "scan"]]
    assert re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d ", rows[0])
    nothing = beamline("run", "list")
    assert (nothing.out, nothing.err) == ("", "nothing\n")


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_tables_fit_the_terminal_and_short_columns_stay_whole(beamline: CommandLine, width: str) -> None:
    done = beamline("session", "list", COLUMNS=width, FORCE_COLOR="1", TERM="xterm")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
    lines = [line.rstrip() for line in plain.splitlines() if line.strip()]
    assert max(len(line) for line in lines) <= int(width)
    assert lines[0].split()[:4] == ["id", "name", "state", "user"]
    assert lines[3].split()[:4] == ["1", "scan", "1", "COMPLETED"]
    assert ("see --json" in plain) == (width == "60")


def test_one_session_is_shown_by_its_id_or_the_open_one_without(beamline: CommandLine) -> None:
    shown = beamline("session", "show", "1")
    assert re.search(r"^ +state +COMPLETED$", shown.out, re.MULTILINE)
    assert re.search(r"^metadata +sample = CeO2$", shown.out, re.MULTILINE)
    assert re.search(r"^ +name +\[red\]θ$", beamline("session", "show").out, re.MULTILINE)
    assert beamline("session", "show", "--session", "1").out == shown.out


@pytest.mark.parametrize("words", [("--json", "session", "list"), ("session", "list", "--json")])
def test_programs_get_json_with_everything(beamline: CommandLine, words: tuple[str, ...]) -> None:
    sessions = answer(beamline(*words))
    assert isinstance(sessions, list)
    assert [item["id"] for item in sessions] == [2, 1]
    assert sessions[0]["start"].endswith("Z")
    assert sessions[1]["instrument"] == "test"


def test_options_narrow_a_list(beamline: CommandLine) -> None:
    def ids(*options: str) -> list[int]:
        found = answer(beamline("session", "list", "--json", *options))
        assert isinstance(found, list)
        return [item["id"] for item in found]

    assert ids("--states", "completed") == [1]
    assert ids("--states", "STARTED", "--states", "COMPLETED") == [2, 1]
    assert ids("--proposal", "p1", "--since", "2020-01-01") == [1]
    assert ids("--until", "2020-01-01") == []


def test_what_is_done_here_is_logged_with_who_and_how(beamline: CommandLine) -> None:
    events = answer(beamline("event", "list", "--json"))
    assert isinstance(events, list)
    assert {event["face"] for event in events} == {"cli"}
    verified = answer(beamline("event", "verify", "--json"))
    assert isinstance(verified, dict)
    assert verified["first_bad"] is None


def test_metadata_are_given_as_json_or_in_pairs(beamline: CommandLine) -> None:
    changed = beamline("metadata", "set", '{"energy": 12.4}', "--session", "1", "--json")
    assert answer(changed) == {"sample": "CeO2", "energy": 12.4}
    for text in ("{", "[1]", "9" * 5000):
        done = beamline("metadata", "set", text)
        assert done.code == 2
        assert "JSON" in done.err
    changed = beamline("metadata", "set", "energy=null", "a=[1]", "-m", "b=NaN", "--session", "1", "--json")
    assert answer(changed) == {"sample": "CeO2", "a": [1], "b": "NaN"}


def test_a_refusal_is_one_sentence_on_stderr_and_exit_code_1(beamline: CommandLine) -> None:
    done = beamline("session", "resume")
    assert (done.code, done.out) == (1, "")
    assert done.err == "WRONG_STATE The session is not paused. Nothing needs to be done.\n"
    as_json = beamline("session", "resume", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.err)["code"] == "WRONG_STATE"


def test_a_change_waits_for_nobody_who_holds_the_instrument_and_names_them(beamline: CommandLine) -> None:
    with InstrumentLock(beamline.folder / "state", "test"):
        refused = beamline("session", "pause")
        assert refused.code == 4
        assert f"managed by the process {os.getpid()} already" in refused.err
        assert len(refused.err.strip().splitlines()) == 1
        assert answer(beamline("session", "list", "--json"))


def test_an_id_never_comes_again_though_the_store_was_lost(tmp_path: Path) -> None:
    beamline = CommandLine.of(tmp_path)
    (tmp_path / "data" / ".beamsession-last-id").write_text("17\n")
    assert answer(beamline("session", "start", "a", "--json")) == 18


def test_a_run_needs_its_recorder(beamline: CommandLine) -> None:
    done = beamline("run", "start")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("RECORDER_UNREACHABLE ")


def test_before_the_first_session_there_is_no_store_to_read(tmp_path: Path) -> None:
    done = CommandLine.of(tmp_path)("session", "list")
    assert done.code == 4
    assert done.err.startswith("STORE_")
    assert not (tmp_path / "state" / "store.sqlite").exists()


def test_without_a_beamline_it_says_how_to_name_one(tmp_path: Path) -> None:
    done = CommandLine.of(tmp_path)("session", "list", BEAMSESSION_CONFIG="", BEAMSESSION_STATE=str(tmp_path / "none"))
    assert done.code == 2
    assert done.err.startswith("NO_BEAMLINE ")
    assert "--config" in done.err


def test_a_device_that_is_not_there_is_told_without_noise(tmp_path: Path) -> None:
    done = CommandLine.of(tmp_path)("--device", "a/b/c", "session", "list", BEAMSESSION_CONFIG="")
    assert done.code == 4
    assert re.fullmatch(r"MANAGER_UNREACHABLE The session manager a/b/c cannot be reached .*\n", done.err)


def test_a_broken_configuration_is_told_before_anything_is_done(tmp_path: Path) -> None:
    line = CommandLine.of(tmp_path)
    line.config.write_text("[instrument]\nname = 5\n")
    done = line("session", "list")
    assert done.code == 2
    assert done.err.startswith("BAD_CONFIG ")
    assert "data: Field required: add it" in done.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("session", "show", "99"), 3, "SESSION_NOT_FOUND There is no session 99."),
        (("session", "start", "a/b"), 2, "BAD_NAME "),
        (("session", "strat"), 2, "USAGE No such command 'strat'. Did you mean"),
        (("run", "show"), 2, "USAGE Missing argument 'RUN'. Try `"),
        (("run", "move", "1"), 2, "USAGE Missing option '--to'"),
        (("metadata", "set"), 2, "USAGE Invalid value for VALUES"),
        (("session", "list", "--since", "soon"), 2, "USAGE Invalid value for '--since': 'soon' is no time. Give"),
    ],
)
def test_every_complaint_is_one_line_and_its_kind_an_exit_code(
    beamline: CommandLine, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = beamline(*words)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(sentence)
    assert done.err.count("\n") == 1
    as_json = beamline("--json", *words)
    assert as_json.code == code
    assert json.loads(as_json.err)["code"] == sentence.split()[0]


def test_a_noun_alone_shows_its_verbs(beamline: CommandLine) -> None:
    done = beamline("session")
    assert (done.code, done.err) == (2, "")
    assert "rename" in done.out


def test_a_list_that_was_cut_says_how_it_goes_on(beamline: CommandLine) -> None:
    cut = beamline("session", "list", "--limit", "1")
    assert [line.split()[0] for line in cut.out.splitlines()] == ["id", "─" * len(cut.out.splitlines()[1].strip()), "2"]
    assert cut.err == "… more: --before-id 2\n"
    whole = beamline("session", "list", "--limit", "1", "--before-id", "2")
    assert (whole.err, whole.out.splitlines()[-1].split()[0]) == ("", "1")
    assert beamline("event", "list", "--limit", "2").err == "… more: --after 2\n"
    assert beamline("session", "list", "--limit", "1", "--json").err == ""


def test_colours_reach_terminals_only(beamline: CommandLine) -> None:
    words = ("session", "list")
    assert "\x1b[" not in beamline(*words).out
    assert "\x1b[32mSTARTED" in beamline(*words, FORCE_COLOR="1", TERM="xterm").out
    assert "\x1b[32m" not in beamline(*words, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").out


def test_who_starts_over_an_open_session_is_told_what_became_of_it(tmp_path: Path) -> None:
    line = CommandLine.of(tmp_path)
    assert line("session", "start", "first") == Done(0, "1\n", "")
    second = line("session", "start", "second")
    assert (second.out, second.err) == ("2\n", "Session 1 'first' was still open and empty: it was cancelled.\n")
    assert line("comment", "add", "kept").code == 0
    third = line("session", "start", "third")
    assert (third.out, third.err) == ("3\n", "Session 2 'second' was still open: it was completed first.\n")
    again = line("session", "restart", "2")
    assert (again.out, again.err) == ("2\n", "Session 3 'third' was still open and empty: it was cancelled.\n")
    assert line("session", "start", "fourth", "--json") == Done(0, "4\n", "")


def test_a_key_of_metadata_is_shown_whatever_its_name(tmp_path: Path) -> None:
    line = CommandLine.of(tmp_path)
    assert line("session", "start", "odd", "-m", "version=3", "-m", "report=none").code == 0
    assert line("metadata", "show").out == "version  3\n report  none\n"


def test_the_first_page_of_help_tells_the_exit_codes(beamline: CommandLine) -> None:
    shown = " ".join(beamline("--help").out.split())
    assert "2 wrong usage or input, 3 not found" in shown


def test_help_needs_no_tango_library(beamline: CommandLine) -> None:
    done = beamline("session", "list", "--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "beamsession.faces.cli.generate" in loaded
    assert not loaded & {"tango", "h5py", "dbos", "httpx", "sqlalchemy", "beamsession.config"}


def test_scripts_find_their_module_in_the_folder_that_is_printed(tmp_path: Path) -> None:
    folder = Path(CommandLine.of(tmp_path)("scripting-path").out.strip())
    assert (folder / "sessions.py").is_file()


def test_the_version_is_told(tmp_path: Path) -> None:
    assert CommandLine.of(tmp_path)("--version").out == f"{__version__}\n"
