"""One command per verb: its arguments become typed arguments and options of the command line."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY

Run = Callable[[str, dict[str, Any]], None]
"""`run(verb, arguments)`: have it done and show the answer."""


def add_verbs(app: typer.Typer, run: Run) -> None:
    """Add a group per noun with a command per verb; what only our own programs may report is left out."""
    groups: dict[str, typer.Typer] = {}
    for verb in REGISTRY:
        if verb.action is Action.REPORT:
            continue
        if verb.noun not in groups:
            groups[verb.noun] = typer.Typer(no_args_is_help=True)
            app.add_typer(groups[verb.noun], name=verb.noun, help=f"What can be asked about {_plural(verb.noun)}.")
        groups[verb.noun].command(verb.word.replace("_", "-"), help=verb.doc)(_command(verb, run))


def _plural(noun: str) -> str:
    return noun if noun == "metadata" else f"{noun}s"


def _command(verb: Verb, run: Run) -> Callable[..., None]:
    def command(**options: Any) -> None:
        run(
            verb.name,
            {
                key: _value(verb.arguments.model_fields[key], given)
                for key, given in options.items()
                if given is not None
            },
        )

    parameters = [_parameter(name, field) for name, field in verb.arguments.model_fields.items()]
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _plain_type(field.annotation)
    if field.is_required():
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, typer.Argument()])
    option = typer.Option(f"--{name.replace('_', '-')}", help=_help(field))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _plain_type(annotation: Any) -> Any:
    """The type as typer understands it: JSON text for objects, no unions with None."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(item for item in get_args(annotation) if item is not type(None))
    if get_origin(annotation) is dict:
        return str
    if get_origin(annotation) is list:
        return list[_plain_type(get_args(annotation)[0])]
    return annotation


def _help(field: FieldInfo) -> str:
    return "a JSON object" if _is_object(field) else ""


def _is_object(field: FieldInfo) -> bool:
    options = get_args(field.annotation) or (field.annotation,)
    return get_origin(field.annotation) is dict or any(get_origin(option) is dict for option in options)


def _value(field: FieldInfo, given: Any) -> Any:
    if _is_object(field):
        try:
            return json.loads(given)
        except json.JSONDecodeError as fault:
            raise typer.BadParameter(f"not JSON: {fault.msg} at character {fault.pos}") from fault
    if isinstance(given, Enum):
        return given.value
    if isinstance(given, datetime):
        return given.astimezone().isoformat()
    if isinstance(given, list):
        return [item.value if isinstance(item, Enum) else item for item in given]
    return given
