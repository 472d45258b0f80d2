"""One command per verb, in a group per noun."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from beamsession.faces.cli.parameters import arguments_from, parameters_of
from beamsession.model.job import JobId
from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY


@dataclass(frozen=True)
class Order:
    """What a command wants done: a verb with arguments; `wait` for the end of a job that it begins."""

    verb: Verb
    arguments: dict[str, Any]
    as_json: bool = False
    wait: bool = True


_NOUNS = ("session", "run", "metadata", "file", "comment", "job", "ingest", "event", "refusal", "alarm")
_RAISES = re.compile(r"\s*\bRaises\b.*?(?=\n\n|\Z)", re.DOTALL)
_AS_JSON = "as_json"
_NO_WAIT = "no_wait"


def add_verbs(app: typer.Typer, run: Callable[[Order], None]) -> None:
    """Add a group per noun with a command per verb; what only our own programs may report is left out."""
    nouns = dict.fromkeys(_NOUNS)
    nouns |= dict.fromkeys(verb.noun for verb in REGISTRY)
    for noun in nouns:
        verbs = [verb for verb in REGISTRY if verb.noun == noun and verb.action is not Action.REPORT]
        if verbs:
            group = typer.Typer(no_args_is_help=True)
            app.add_typer(group, name=noun, help=f"{', '.join(map(_word, verbs)).capitalize()}.")
            for verb in verbs:
                group.command(_word(verb), help=command_help(verb))(_command(verb, run))


def begins_a_job(verb: Verb) -> bool:
    """Whether the verb's answer is the number of a job."""
    return verb.returns is JobId


def command_help(verb: Verb) -> str:
    """The verb's docstring without the sentences about exceptions, which are for programmers."""
    return _RAISES.sub("", verb.doc).strip()


def _word(verb: Verb) -> str:
    return verb.word.replace("_", "-")


def _command(verb: Verb, run: Callable[[Order], None]) -> Callable[..., None]:
    def command(**told: Any) -> None:
        as_json, no_wait = told.pop(_AS_JSON), told.pop(_NO_WAIT, False)
        run(Order(verb, arguments_from(verb, told), as_json, wait=not no_wait))

    parameters = [*parameters_of(verb), _switch(_AS_JSON, "--json", "print JSON for programs")]
    if begins_a_job(verb):
        parameters.append(_switch(_NO_WAIT, "--no-wait", "print the job's number and do not wait for its end"))
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _switch(name: str, option: str, text: str) -> inspect.Parameter:
    annotation = Annotated[bool, typer.Option(option, help=text, metavar="")]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
