"""The page of verbs, from their declarations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from docs.generate.markdown import code, page, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from beamsession.faces.cli.spelling import usage
from beamsession.model.permissions import Action
from beamsession.model.verb import Verb
from beamsession.verbs import REGISTRY

_INTRODUCTION = """
A verb is one thing that can be asked of the server. Each is declared once; the Tango commands, the command line and
this page are made from the declarations.

*Permission* is the action that the caller's role must allow: `read`, `operate` and `edit` are everybody's, `manage` is
for staff, `report` for the project's own programs. *Place* is where it can be answered: `device` only by the
instrument's SessionManager (without one running, the command line takes the instrument's lock and does it itself);
`store` by anybody who can read the store.

Every verb can also be asked for with the Tango command `Call`:

```json
{"verb": "session_list", "args": {"limit": 5}, "principal": {"name": "ada"}, "face": "scripting", "request_id": "7f3a"}
```

`request_id` makes asking again after a time-out harmless: the same id is answered with what was answered first.
"""


_PLURALS = {"object": "objects", "text": "texts", "integer": "integers"}


def verbs_page() -> str:
    """The whole page."""
    verbs = sorted(REGISTRY, key=lambda verb: verb.noun)
    sections = [_noun(noun, list(group)) for noun, group in groupby(verbs, key=lambda verb: verb.noun)]
    return page("Verbs", _INTRODUCTION, _overview(verbs), *sections)


def _overview(verbs: Iterable[Verb]) -> str:
    rows = [
        [
            f"[{verb.name}](#{verb.name})",
            code(_tango(verb)),
            code(_command_line(verb)),
            verb.action.value,
            verb.place.value,
        ]
        for verb in verbs
    ]
    return table(["verb", "Tango", "command line", "permission", "place"], rows)


def _noun(noun: str, verbs: list[Verb]) -> str:
    return "\n\n".join([f"## {noun}", *(_verb(verb) for verb in verbs)])


def _verb(verb: Verb) -> str:
    ways = [f"Tango: {code(_tango(verb))}", f"command line: {code(_command_line(verb))}"]
    if verb.action is Action.REPORT:
        ways = ["Only by `Call` with the worker's token; it has no command of its own"]
    facts = f"{'; '.join(ways)}. Permission: {verb.action.value}. Place: {verb.place.value}."
    fields = verb.arguments.model_fields
    rows = [[code(name), kind_text(field.annotation), _default(field)] for name, field in fields.items()]
    arguments = table(["argument", "type", "default"], rows) if rows else "It takes no arguments."
    return "\n\n".join([f"### {verb.name}", verb.doc, facts, arguments, f"Answer: {kind_text(verb.returns)}."])


def _tango(verb: Verb) -> str:
    return "" if verb.action is Action.REPORT else verb.tango


def _command_line(verb: Verb) -> str:
    if verb.action is Action.REPORT:
        return ""
    return usage(verb)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "" if field.default in (None, "") else code(str(field.default))


def kind_text(annotation: Any) -> str:
    """A type in words of JSON."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in (None, NoneType):
        return "nothing"
    if origin in (Union, UnionType):
        return " or ".join(kind_text(item) for item in inner if item is not NoneType)
    if origin is list:
        return f"list of {_PLURALS.get(kind_text(inner[0]), kind_text(inner[0]))}"
    if origin is dict or annotation is dict:
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"one of {', '.join(str(item.value) for item in annotation)}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"object ({annotation.__name__})"
    return {int: "integer", float: "number", bool: "true or false", str: "text", datetime: "time (RFC 3339)"}.get(
        annotation, str(annotation)
    )
