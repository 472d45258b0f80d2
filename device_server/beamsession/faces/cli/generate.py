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

Run = Callable[[str, dict[str, Any], bool], None]
"""`run(verb, arguments, as_json)`: have it done and show the answer."""

_AS_JSON = "as_json"
_ARGUMENT = "_argument"


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
    fields = verb.arguments.model_fields

    def command(**options: Any) -> None:
        as_json = options.pop(_AS_JSON)
        told = {key: value for key, value in options.items() if value is not None}
        given = {key.removesuffix(_ARGUMENT): value for key, value in told.items()} | {
            key: value for key, value in told.items() if key in fields
        }
        run(verb.name, {key: _value(fields[key], value) for key, value in given.items()}, as_json)

    parameters = [_parameter(name, field) for name, field in fields.items()]
    parameters += [_positional(name, field) for name, field in list(fields.items())[:1] if _is_obvious(name, field)]
    parameters.append(_json_switch())
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _plain_type(field.annotation)
    if field.is_required():
        argument = typer.Argument(help=_help(field), show_default=False)
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, argument])
    option = typer.Option(f"--{name.replace('_', '-')}", help=_help(field), case_sensitive=False)
    return _optional(name, kind, option)


def _is_obvious(name: str, field: FieldInfo) -> bool:
    """Whether the first argument of a verb needs no `--name` before it: `session start NAME`, `session show 7`."""
    return not field.is_required() and (field.annotation is str or name == "session")


def _positional(name: str, field: FieldInfo) -> inspect.Parameter:
    """The same once more as an argument; the option wins where both are given."""
    argument = typer.Argument(metavar=name.upper(), show_default=False)
    return _optional(f"{name}{_ARGUMENT}", _plain_type(field.annotation), argument)


def _json_switch() -> inspect.Parameter:
    switch = typer.Option("--json", help="print JSON for programs")
    annotation = Annotated[bool, switch]
    return inspect.Parameter(_AS_JSON, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _optional(name: str, kind: Any, how: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, how])


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
        return _json_object(given)
    if isinstance(given, Enum):
        return given.value
    if isinstance(given, datetime):
        return given.astimezone().isoformat()
    if isinstance(given, list):
        return [item.value if isinstance(item, Enum) else item for item in given]
    return given


def _json_object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise typer.BadParameter(f"this is not JSON: {fault}") from fault
    if not isinstance(data, dict):
        raise typer.BadParameter('a JSON object is expected, for example \'{"sample": "CeO2"}\'')
    return data
