"""Every verb has its command, generated from its declaration; told apart from running them, which is fast."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from beamsession.faces.cli.generate import add_verbs
from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY

OFFERED = [verb for verb in REGISTRY if verb.action is not Action.REPORT]
Asked = list[tuple[str, dict[str, Any], bool]]


@pytest.fixture
def asked() -> Asked:
    """What the commands of this test have asked for."""
    return []


@pytest.fixture
def run(asked: Asked) -> Any:
    """Type a command; its exit code and output."""
    app = typer.Typer()
    add_verbs(app, lambda verb, arguments, as_json: asked.append((verb, arguments, as_json)))
    return lambda *words: CliRunner().invoke(app, list(words))


def words_of(verb: Verb) -> tuple[str, str]:
    return verb.noun, verb.word.replace("_", "-")


@pytest.mark.parametrize("verb", OFFERED, ids=lambda verb: verb.name)
def test_each_verb_is_a_command_that_explains_itself(run: Any, verb: Verb) -> None:
    help_text = run(*words_of(verb), "--help")
    assert help_text.exit_code == 0
    assert verb.summary.split()[0] in help_text.output
    for name, field in verb.arguments.model_fields.items():
        assert (name if field.is_required() else f"--{name.replace('_', '-')}") in help_text.output


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
        (("session", "show", "7", "--json"), ("session_show", {"session": 7}, True)),
        (("session", "list", "--states", "paused"), ("session_list", {"states": ["PAUSED"]}, False)),
        (("file", "add", "/data/x"), ("file_add", {"path": "/data/x"}, False)),
        (("file", "list", "3"), ("file_list", {"session": 3}, False)),
        (("comment", "add", "two words"), ("comment_add", {"text": "two words"}, False)),
        (("run", "register", "x.h5", "--title", "t"), ("run_register", {"path": "x.h5", "title": "t"}, False)),
        (
            ("run", "start", "--frames", "5", "--detectors", "a", "--detectors", "b"),
            ("run_start", {"frames": 5, "detectors": ["a", "b"]}, False),
        ),
        (("run", "show", "2", "--session", "1"), ("run_show", {"run": 2, "session": 1}, False)),
        (
            ("metadata", "set", '{"a": null}', "--replace"),
            ("metadata_set", {"values": {"a": None}, "replace": True}, False),
        ),
        (("alarm", "acknowledge"), ("alarm_acknowledge", {}, False)),
    ],
)
def test_words_become_arguments(run: Any, asked: Asked, words: tuple[str, ...], expected: Any) -> None:
    assert run(*words).exit_code == 0
    assert asked == [expected]
    verb, arguments, _ = expected
    REGISTRY[verb].parse(arguments)


def test_a_time_without_zone_is_the_terminals(run: Any, asked: Asked) -> None:
    assert run("session", "list", "--since", "2026-11-21 10:00:00").exit_code == 0
    (verb, arguments, _), *_ = asked
    assert REGISTRY[verb].parse(arguments)["since"].tzinfo is not None


@pytest.mark.parametrize(
    "words",
    [
        ("session", "strat"),
        ("session", "start", "a", "b"),
        ("session", "show", "seven"),
        ("session", "list", "--states", "asleep"),
        ("session", "start", "--metadata", "{"),
        ("run", "show"),
        ("file", "add"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(run: Any, asked: Asked, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert asked == []
