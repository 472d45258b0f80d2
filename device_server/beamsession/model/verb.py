"""A verb is declared once; every face is generated from the declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.names import shortened
from beamsession.model.permissions import Action


class Place(StrEnum):
    """Where a verb can be answered."""

    DEVICE = "device"
    """only by the instrument's manager: it changes something, or asks the recorder"""
    STORE = "store"
    """by anybody who can read the store"""


@dataclass(frozen=True)
class Verb:
    """One thing that can be asked of the server.

    `name` is `noun_verb`, `tango` the command's name on the device.
    """

    name: str
    function: Callable[..., Any]
    action: Action
    place: Place
    doc: str
    tango: str

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model its keyword arguments are validated with; made when first asked for, for it takes its time."""
        return _arguments_model(self.function, get_type_hints(self.function))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its arguments in order."""
        return tuple(inspect.signature(self.function).parameters)[1:]

    @property
    def returns(self) -> Any:
        """The annotation of its result, which is plain JSON data."""
        return get_type_hints(self.function).get("return")

    @property
    def noun(self) -> str:
        """`session` of `session_start`."""
        return self.name.partition("_")[0]

    @property
    def word(self) -> str:
        """`start` of `session_start`."""
        return self.name.partition("_")[2]

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.strip().splitlines()[0]

    def parse(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The validated keyword arguments; InvalidInputError BAD_ARGUMENTS names each fault."""
        try:
            parsed = self.arguments.model_validate(arguments)
        except ValidationError as fault:
            raise self._refusal([_fault(dict(error)) for error in fault.errors()], arguments) from fault
        values = {name: getattr(parsed, name) for name in type(parsed).model_fields}
        if faults := [f"'{name}' {fault}" for name, value in values.items() if (fault := _unstorable(value))]:
            raise self._refusal(faults, arguments)
        return values

    def _refusal(self, faults: list[str], arguments: dict[str, Any]) -> InvalidInputError:
        return InvalidInputError(
            f"{self.tango}: {'; '.join(faults)}.",
            code="BAD_ARGUMENTS",
            value=shortened(str(arguments)),
            remedy=self._usage(),
        )

    def _usage(self) -> str:
        fields = self.arguments.model_fields
        if not fields:
            return "It takes no arguments."
        shown = ", ".join(name if field.is_required() else f"[{name}]" for name, field in fields.items())
        return f"It takes: {shown}."


class Registry:
    """All verbs by name."""

    def __init__(self) -> None:
        self._verbs: dict[str, Verb] = {}

    def declare(
        self, action: Action, place: Place, *, tango: str | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: the function `noun_verb(ctx, *, ...)` becomes a verb; the function itself stays as it is."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            name, doc = function.__name__, inspect.getdoc(function) or ""
            command = tango or tango_name(name)
            if name in self._verbs or any(known.tango == command for known in self._verbs.values()):
                raise ValueError(f"verb {name} is declared twice")
            if not all(name.partition("_")) or not doc:
                raise ValueError(f"verb {name} is to be called noun_verb and needs a docstring")
            _require_keyword_only(function)
            self._verbs[name] = Verb(
                name=name,
                function=function,
                action=action,
                place=place,
                doc=doc,
                tango=command,
            )
            return function

        return register

    def __getitem__(self, name: str) -> Verb:
        try:
            return self._verbs[name]
        except KeyError:
            raise NotFoundError(
                f"There is no verb '{shortened(name)}'.",
                code="UNKNOWN_VERB",
                value=shortened(name),
                remedy=f"Known verbs: {', '.join(sorted(self._verbs))}.",
            ) from None

    def __iter__(self):
        return iter(self._verbs.values())

    def __len__(self) -> int:
        return len(self._verbs)


def tango_name(name: str) -> str:
    """`run_start` -> `StartRun`, `session_list` -> `ListSessions`: verb first, noun in the plural for lists."""
    noun, _, word = name.partition("_")
    plural = "s" if word == "list" else ""
    return "".join(part.capitalize() for part in word.split("_")) + noun.capitalize() + plural


def _require_keyword_only(function: Callable[..., Any]) -> None:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(parameter.kind is not inspect.Parameter.KEYWORD_ONLY for parameter in parameters):
        raise TypeError(f"{function.__name__}: arguments of a verb are keyword-only")


def _arguments_model(function: Callable[..., Any], hints: dict[str, Any]) -> type[BaseModel]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    fields: dict[str, Any] = {}
    for parameter in parameters:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(
        f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )


def _unstorable(value: Any) -> str:
    """Why no store takes `value`, which is of the right type; empty if one does."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "does not fit into 64 bits"
    if isinstance(value, datetime) and value.tzinfo is None:
        return "has no time zone: add Z or an offset"
    return ""


def _fault(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "arguments"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"'{key}' {message[0].lower()}{message[1:]}"
