"""Shell examples name commands, options and arguments that exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from typing import Any

import pytest
import typer

from beamsession.faces.cli.main import app
from markdown_blocks import ROOT, Example, examples

_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def _commands(*programs: str) -> list[tuple[Example, list[str]]]:
    found: list[tuple[Example, list[str]]] = []
    for example in examples("shell"):
        for line in example.text.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] in programs:
                found.append((example, words))
    return found


def _shown(value: object) -> str:
    return shlex.join(value) if isinstance(value, list) else str(value)


def _parse(words: list[str]) -> None:
    """Parse as the command line would, without doing anything; UsageError for what it does not understand."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    rest = words
    while True:
        context = command.make_context(command.name or "", list(rest), parent=context)
        if not hasattr(command, "commands"):
            return
        if not context.args and not context._protected_args:
            assert context.params, f"{words} names no command"  # --version and its like stand alone
            return
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


@pytest.mark.parametrize(("example", "words"), _commands("beamsession"), ids=_shown)
def test_a_command_of_the_command_line_exists(example: Example, words: list[str]) -> None:
    _parse(words[1:])


@pytest.mark.parametrize("line", ["session strat", "session start --nam x", "run show", "frobnicate"])
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing"):
        _parse(line.split())


@pytest.mark.parametrize(("example", "words"), _commands("make"), ids=_shown)
def test_a_target_of_make_exists(example: Example, words: list[str]) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))

    assert {word for word in words[1:] if "=" not in word} <= targets


@pytest.mark.parametrize(("example", "words"), _commands("python"), ids=_shown)
def test_a_python_module_that_is_run_exists(example: Example, words: list[str]) -> None:
    if words[1] == "-m":
        assert importlib.util.find_spec(words[2]) is not None
    else:
        compile(words[words.index("-c") + 1], str(example), "exec")


@pytest.mark.parametrize(("example", "words"), _commands("SessionManager", "RunRecorder"), ids=_shown)
def test_a_server_that_is_started_is_a_console_script(example: Example, words: list[str]) -> None:
    assert words[0] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
