"""Every verb has its command, generated from its declaration; told apart from running them, which is fast."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from beamsession.faces.cli.argument_help import argument_help, known_arguments
from beamsession.faces.cli.columns import LINES, NESTED, PAGES, TABLES
from beamsession.faces.cli.generate import Order, add_verbs, begins_a_job
from beamsession.faces.cli.spelling import usage, words_of
from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY

OFFERED = [verb for verb in REGISTRY if verb.action is not Action.REPORT]
Asked = list[Order]


@pytest.fixture
def asked() -> Asked:
    """What the commands of this test have asked for."""
    return []


@pytest.fixture
def run(asked: Asked) -> Any:
    """Type a command; its exit code and output."""
    app = typer.Typer()
    add_verbs(app, asked.append)
    return lambda *words: CliRunner().invoke(app, list(words))


def command_of(verb: Verb) -> tuple[str, str]:
    return verb.noun, verb.word.replace("_", "-")


@pytest.mark.parametrize("verb", OFFERED, ids=lambda verb: verb.name)
def test_each_verb_is_a_command_that_explains_itself(run: Any, verb: Verb) -> None:
    help_text = run(*command_of(verb), "--help")
    assert help_text.exit_code == 0
    assert verb.summary.split()[0] in help_text.output
    for name in verb.arguments.model_fields:
        assert name in words_of(verb) or f"--{name.replace('_', '-')}" in help_text.output
    assert "Raises" not in help_text.output


@pytest.mark.parametrize("verb", OFFERED, ids=lambda verb: verb.name)
def test_each_argument_is_explained(verb: Verb) -> None:
    for name, field in verb.arguments.model_fields.items():
        assert argument_help(verb, name, field), name


def test_what_is_said_of_single_verbs_is_said_of_verbs_that_exist() -> None:
    arguments = {(verb.name, name) for verb in OFFERED for name in verb.arguments.model_fields}
    assert known_arguments() <= arguments
    assert {*TABLES, *LINES, *NESTED, *PAGES} <= {verb.name for verb in OFFERED}


def test_usage_names_what_is_needed() -> None:
    assert usage(REGISTRY["run_move"]) == "beamsession run move <runs>... --to <to>"
    assert usage(REGISTRY["session_create"]) == "beamsession session create <name> <files>..."
    assert usage(REGISTRY["session_start"]) == "beamsession session start"
    assert usage(REGISTRY["metadata_set"]) == "beamsession metadata set <values>..."


@pytest.mark.parametrize("verb", OFFERED, ids=lambda verb: verb.name)
def test_only_who_begins_a_job_can_be_told_not_to_wait(run: Any, verb: Verb) -> None:
    assert ("--no-wait" in run(*command_of(verb), "--help").output) is begins_a_job(verb)


def test_what_our_own_programs_report_is_no_command(run: Any) -> None:
    for words in (("run", "report"), ("run", "lose"), ("session", "archive"), ("ingest", "report")):
        assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("session", "start"), ("session_start", {}, False)),
        (("session", "start", "a b"), ("session_start", {"name": "a b"}, False)),
        (("session", "start", "a", "--name", "b"), ("session_start", {"name": "b"}, False)),
        (("session", "start", "--metadata", '{"a": 1}'), ("session_start", {"metadata": {"a": 1}}, False)),
        (
            ("session", "start", "-m", "a=1", "-m", "b=two words", "-m", 'c="3"', "--metadata", '{"a": 2}'),
            ("session_start", {"metadata": {"a": 2, "b": "two words", "c": "3"}}, False),
        ),
        (("session", "show", "7", "--json"), ("session_show", {"session": 7}, True)),
        (("session", "list", "--states", "paused"), ("session_list", {"states": ["PAUSED"]}, False)),
        (("session", "list", "--state", "Completed"), ("session_list", {"states": ["COMPLETED"]}, False)),
        (
            ("session", "create", "n", "a", "b"),
            ("session_create", {"name": "n", "files": ["a", "b"]}, False),
        ),
        (("session", "restart", "7"), ("session_restart", {"session": 7}, False)),
        (("session", "rename", "θ", "--session", "7"), ("session_rename", {"title": "θ", "session": 7}, False)),
        (("session", "zip", "o.zip", "--session", "7"), ("session_zip", {"file_name": "o.zip", "session": 7}, False)),
        (
            ("session", "zip", "o.zip", "--flat", "--overwrite"),
            ("session_zip", {"file_name": "o.zip", "preserve_folder_structure": False, "overwrite": True}, False),
        ),
        (("session", "files", "--no-relative"), ("session_files", {"relative": False}, False)),
        (("file", "add", "/data/x"), ("file_add", {"path": "/data/x"}, False)),
        (("file", "list", "3"), ("file_list", {"session": 3}, False)),
        (("comment", "add", "two words"), ("comment_add", {"text": "two words"}, False)),
        (("run", "register", "x.h5", "--title", "t"), ("run_register", {"path": "x.h5", "title": "t"}, False)),
        (
            ("run", "start", "--frames", "5", "--detectors", "a", "--detector", "b"),
            ("run_start", {"frames": 5, "detectors": ["a", "b"]}, False),
        ),
        (("run", "show", "2", "--session", "1"), ("run_show", {"run": 2, "session": 1}, False)),
        (("run", "move", "3", "4", "--to", "12"), ("run_move", {"runs": [3, 4], "to": 12}, False)),
        (("run", "detach", "3", "--name", "dark"), ("run_detach", {"runs": [3], "name": "dark"}, False)),
        (("run", "disable", "3"), ("run_disable", {"run": 3}, False)),
        (
            ("metadata", "set", '{"a": null}', "b=true", "-m", "c=", "--replace"),
            ("metadata_set", {"values": {"a": None, "b": True, "c": ""}, "replace": True}, False),
        ),
        (
            ("ingest", "request", "7", "--overlay", "datasetName=x"),
            ("ingest_request", {"session": 7, "overlay": {"datasetName": "x"}}, False),
        ),
        (("alarm", "acknowledge"), ("alarm_acknowledge", {}, False)),
    ],
)
def test_words_become_arguments(run: Any, asked: Asked, words: tuple[str, ...], expected: Any) -> None:
    assert run(*words).exit_code == 0
    assert [(order.verb.name, order.arguments, order.as_json) for order in asked] == [expected]
    verb, arguments, _ = expected
    REGISTRY[verb].parse(arguments)


def test_who_does_not_want_to_wait_says_so(run: Any, asked: Asked) -> None:
    assert run("session", "zip", "o.zip").exit_code == run("session", "zip", "o.zip", "--no-wait").exit_code == 0
    assert [order.wait for order in asked] == [True, False]


def test_a_time_without_zone_is_the_terminals(run: Any, asked: Asked) -> None:
    assert run("session", "list", "--since", "2026-11-21 10:00:00").exit_code == 0
    assert asked[0].verb.parse(asked[0].arguments)["since"].tzinfo is not None


@pytest.mark.parametrize(
    "words",
    [
        ("session", "strat"),
        ("session", "start", "a", "b"),
        ("session", "show", "seven"),
        ("session", "list", "--states", "asleep"),
        ("session", "start", "--metadata", "{"),
        ("session", "start", "-m", "sample"),
        ("session", "start", "-m", "=1"),
        ("session", "create", "name"),
        ("session", "list", "--since", "soon"),
        ("metadata", "set"),
        ("run", "move", "1"),
        ("run", "show"),
        ("file", "add"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(run: Any, asked: Asked, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert asked == []
