"""The commands of the SessionManager device, generated from the verbs; a few take what people expect to type."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tango.server import command

from beamsession.faces.tango.text import to_json
from beamsession.model.errors import InvalidInputError
from beamsession.model.job import JobId
from beamsession.model.names import shortened
from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY

Send = Callable[[Any, str, dict[str, Any]], Awaitable[Any]]
"""`send(device, verb, arguments)`: the device's way to have a verb done."""


def parse_object(text: str, usage: str) -> dict[str, Any]:
    """The JSON object in `text`; empty text is an empty one. InvalidInputError BAD_JSON."""
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:  # also numbers of thousands of digits, and too many brackets
        where = f"{fault.msg} at character {fault.pos}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        raise InvalidInputError(
            f"This is not JSON: {where}.",
            code="BAD_JSON",
            value=shortened(text),
            remedy=usage,
        ) from fault
    if not isinstance(data, dict):
        raise InvalidInputError("A JSON object is expected.", code="BAD_JSON", value=shortened(text), remedy=usage)
    return data


def _start_arguments(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        return parse_object(text, 'Give a name, or JSON such as {"name": "align", "proposal": "p12345"}.')
    return {"name": text}


def _run_arguments(text: str) -> dict[str, Any]:
    return parse_object(text, 'Give nothing, or JSON such as {"frames": 100, "title": "dark"}.')


def _path_argument(text: str) -> dict[str, Any]:
    return _named("path", text, 'Give a path, or JSON such as {"path": "notes.txt", "session": 17}.')


def _title_argument(text: str) -> dict[str, Any]:
    return _named("title", text, 'Give a title, or JSON such as {"title": "Ceria", "session": 17}.')


def _archive_argument(text: str) -> dict[str, Any]:
    return _named("file_name", text, 'Give a path, or JSON such as {"file_name": "all.zip", "session": 17}.')


def _named(name: str, text: str, usage: str) -> dict[str, Any]:
    """The JSON object that `text` is, or `text` itself as the argument `name`."""
    return parse_object(text, usage) if text.lstrip().startswith("{") else {name: text}


def _text_argument(text: str) -> dict[str, Any]:
    return {"text": text}


_NATURAL: dict[str, tuple[Callable[[str], dict[str, Any]], str, Any]] = {
    "session_start": (_start_arguments, "a name, or JSON {name, title, metadata, proposal}", "DevLong64"),
    "run_start": (_run_arguments, "empty, or JSON {frames, detectors, title, metadata}", "DevLong"),
    "run_register": (
        _path_argument,
        "the path of a file another program wrote, or JSON {path, title, metadata}",
        "DevLong",
    ),
    "file_add": (_path_argument, "the path of a file or folder, or JSON {path, session}", None),
    "file_remove": (_path_argument, "the path of an added file or folder, or JSON {path, session}", bool),
    "session_import": (_path_argument, "the path of a folder", "DevLong64"),
    "session_rename": (_title_argument, "the new title, or JSON {title, session}", None),
    "session_zip": (
        _archive_argument,
        "the archive's path, or JSON {file_name, session, preserve_folder_structure, overwrite}",
        "DevLong64",
    ),
    "comment_add": (_text_argument, "the comment", None),
}


_NUMBERS = ("session", "job", "run")
"""Arguments that may be given as they are where they come first: `ShowSession 17`."""
_MOST_DIGITS = 30  # more than any number that is stored; a longer one is refused as too large


def commands(send: Send) -> dict[str, Any]:
    """One command for each verb, by name, for the namespace of the device class.

    What only our own programs may report has none: it travels by `Call`, with their token.
    """
    return {verb.tango: _command(verb, send) for verb in REGISTRY if verb.action is not Action.REPORT}


def _command(verb: Verb, send: Send) -> Any:
    if verb.name in _NATURAL:
        parse, doc_in, dtype_out = _NATURAL[verb.name]
        return _with_text(verb, send, parse, doc_in, dtype_out)
    if not verb.parameters:
        return _void(verb, send)
    usage = f"JSON {{{', '.join(verb.parameters)}}}"
    if verb.parameters[0] in _NUMBERS:
        usage = f"a {verb.parameters[0]}'s number, or {usage}"
    return _with_text(verb, send, lambda text: _arguments(verb, text, usage), usage, _dtype(verb))


def _arguments(verb: Verb, text: str, usage: str) -> dict[str, Any]:
    first = verb.parameters[0]
    if first in _NUMBERS and text.strip().isdecimal():
        return {first: int(text.strip()[:_MOST_DIGITS])}
    return parse_object(text, f"Give {usage}.")


def _void(verb: Verb, send: Send) -> Any:
    dtype_out = _dtype(verb)

    async def call(device: Any) -> Any:
        return _out(await send(device, verb.name, {}), dtype_out)

    return _declare(call, verb, dtype_out)


def _with_text(verb: Verb, send: Send, parse: Callable[[str], dict[str, Any]], doc_in: str, dtype_out: Any) -> Any:
    async def call(device: Any, text: str) -> Any:
        try:
            arguments = parse(text)
        except InvalidInputError as error:
            device.refuse(verb.name, text, error)
        else:
            return _out(await send(device, verb.name, arguments), dtype_out)

    return _declare(call, verb, dtype_out, dtype_in=str, doc_in=doc_in)


def _declare(call: Any, verb: Verb, dtype_out: Any, **options: Any) -> Any:
    call.__name__, call.__doc__ = verb.tango, verb.doc
    return command(call, dtype_out=dtype_out, doc_out=verb.summary, **options)


def _dtype(verb: Verb) -> Any:
    if verb.returns in (None, type(None)):
        return None
    return {int: "DevLong64", JobId: "DevLong64", bool: bool}.get(verb.returns, str)


def _out(value: Any, dtype_out: Any) -> Any:
    if dtype_out is None:
        return None
    return to_json(value) if dtype_out is str else value
