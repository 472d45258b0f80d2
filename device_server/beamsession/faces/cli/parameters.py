"""The arguments of a verb as the parameters of its command: words, options, switches."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from beamsession.faces.cli.argument_help import argument_help
from beamsession.faces.cli.completion import completion_of
from beamsession.faces.cli.spelling import is_list, is_object, option_names, words_of
from beamsession.faces.cli.values import object_value, plain_value, time_value
from beamsession.model.verb import Verb

_WORD = "_word"


def parameters_of(verb: Verb) -> Iterator[inspect.Parameter]:
    """The parameters in the order of the declaration, words before options."""
    fields = verb.arguments.model_fields
    words = words_of(verb)
    for name in words:
        yield _word(verb, name, fields[name])
    for name, field in fields.items():
        if name not in words or not field.is_required() or is_object(field):
            yield _option(verb, name, field, needed=field.is_required() and name not in words)


def arguments_from(verb: Verb, told: Mapping[str, Any]) -> dict[str, Any]:
    """The verb's arguments from what the parameters were given; an option wins over the word for the same.

    Objects are put together from all of both. Raises BadParameter where something needed is missing.
    """
    found: dict[str, Any] = {}
    for name, field in verb.arguments.model_fields.items():
        word, option = told.get(f"{name}{_WORD}"), told.get(name)
        if is_object(field):
            if pairs := [*(word or []), *(option or [])]:
                found[name] = object_value(pairs)
        elif (given := word if option is None else option) is not None:
            found[name] = plain_value(given)
        if field.is_required() and name not in found:
            raise typer.BadParameter(argument_help(verb, name, field), param_hint=name.upper())
    return found


def _word(verb: Verb, name: str, field: FieldInfo) -> inspect.Parameter:
    needed = field.is_required() and not is_object(field)
    argument: Any = typer.Argument(
        metavar="KEY=VALUE" if is_object(field) else name.upper(),
        help=argument_help(verb, name, field),
        show_default=False,
        autocompletion=completion_of(verb, name),
    )
    return _parameter(f"{name}{_WORD}", field, argument, needed=needed)


def _option(verb: Verb, name: str, field: FieldInfo, *, needed: bool) -> inspect.Parameter:
    option: Any = typer.Option(
        *option_names(verb, name, field),
        help=_option_help(verb, name, field),
        case_sensitive=False,
        show_default=False,
        autocompletion=completion_of(verb, name),
        metavar=_metavar(name, field),
        parser=time_value if _inner(field.annotation) is datetime else None,
    )
    return _parameter(name, field, option, needed=needed)


def _metavar(name: str, field: FieldInfo) -> str:
    if field.annotation is bool:
        return ""
    if is_object(field):
        return "KEY=VALUE"
    if _inner(field.annotation) is datetime:
        return "TIME"
    return name.removesuffix("s").upper() if is_list(field) else name.upper()


def _option_help(verb: Verb, name: str, field: FieldInfo) -> str:
    parts = [argument_help(verb, name, field)]
    inner = get_args(_typer_type(field))[0] if is_list(field) else _inner(field.annotation)
    if isinstance(inner, type) and issubclass(inner, Enum):
        parts.append(f"({', '.join(str(item.value).lower() for item in inner)})")
    if inner in (int, float) and field.default:
        parts.append(f"[default: {field.default}]")
    return " ".join(filter(None, parts))


def _parameter(name: str, field: FieldInfo, how: Any, *, needed: bool) -> inspect.Parameter:
    """Nothing has a default here: what is not told is left to the verb."""
    kind = _typer_type(field)
    if needed:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, how])
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, how])


def _typer_type(field: FieldInfo) -> Any:
    """The type as typer understands it: words for objects, no unions with None."""
    kind = _inner(field.annotation)
    if is_object(field):
        return list[str]
    if get_origin(kind) is list:
        return list[_inner(get_args(kind)[0])]
    return kind


def _inner(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(item for item in get_args(annotation) if item is not type(None))
    return annotation
