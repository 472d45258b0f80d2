"""The form of a session's metadata: what the manager has, what a person typed, and where both have changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from beamsession.model.definition import MetadataKey
from beamsession.model.metadata import is_same
from beamsession.model.metadata_type import MetadataType, as_text

_NOTHING = object()


def text_of(value: Any) -> str:
    """A value as it stands in its field; nothing is an empty field."""
    return "" if value is None else as_text(value)


@dataclass
class Field:
    """One key; `theirs` is the manager's value (None: it has none), `typed` what a person typed, None: nothing."""

    key: MetadataKey
    is_defined: bool = True
    theirs: Any = None
    typed: str | None = None
    seen: Any = _NOTHING

    @property
    def text(self) -> str:
        """What stands in the field."""
        return text_of(self.theirs) if self.typed is None else self.typed

    @property
    def is_changed(self) -> bool:
        """Whether a person has typed something else than the manager has."""
        return self.typed is not None and self.typed != text_of(self.theirs)

    @property
    def is_contested(self) -> bool:
        """Whether the manager's value has changed since a person began to type."""
        return self.is_changed and self.seen is not _NOTHING and not is_same(self.seen, self.theirs)

    @property
    def value(self) -> Any:
        """What the field says, of its type; None where it is empty. ValueError with the reason, in half a sentence."""
        text = self.text
        if not text.strip():
            return "" if self.key.type is MetadataType.STRING and self.theirs is not None else None
        given: Any = text
        if self.key.type.is_measurable and text.lstrip().startswith("{"):  # a quantity with a unit of its own
            try:
                given = json.loads(text)
            except ValueError:
                given = text
        return self.key.typed(given)

    @property
    def fault(self) -> str:
        """Why what stands in the field cannot be sent; empty if it can."""
        try:
            value = self.value
        except ValueError as fault:
            return f"'{self.key.name}' {fault}."
        is_blank = value is None or (isinstance(value, str) and not value.strip())
        return f"'{self.key.name}' is mandatory." if is_blank and self.key.mandatory else ""

    def type(self, text: str) -> None:
        """A person has typed `text`."""
        if self.typed is None:
            self.seen = self.theirs
        self.typed = text
        if not self.is_changed:
            self.forget()

    def forget(self) -> None:
        """What was typed is dropped: the manager's value stands."""
        self.typed, self.seen = None, _NOTHING

    def sent(self, text: str, theirs: Any) -> None:
        """`text` was sent, and the manager has `theirs` now; what was typed since then stays."""
        if self.typed == text:
            self.forget()
        elif self.typed is not None:
            self.seen = theirs
        self.theirs = theirs

    def insist(self) -> None:
        """What was typed stands, although the manager's value has changed meanwhile."""
        self.seen = self.theirs


class Form:
    """The fields in order: the defined keys, then the others that the session has."""

    def __init__(self, keys: Iterable[MetadataKey] = ()) -> None:
        self.fields: dict[str, Field] = {key.name: Field(key) for key in keys}

    def show(self, metadata: Mapping[str, Any]) -> None:
        """The manager's values, at any time: what a person has typed stays."""
        for name, value in metadata.items():
            if name not in self.fields:
                self.fields[name] = Field(_undefined(name, value), is_defined=False)
            self.fields[name].theirs = value
        for name, field in list(self.fields.items()):
            if name in metadata:
                continue
            field.theirs = None
            if not field.is_defined and not field.is_changed:
                del self.fields[name]

    def forget(self) -> None:
        """Drop all that was typed."""
        for field in self.fields.values():
            field.forget()

    @property
    def is_changed(self) -> bool:
        """Whether anything was typed that is not sent yet."""
        return any(field.is_changed for field in self.fields.values())

    @property
    def contested(self) -> list[str]:
        """The keys that somebody else changed as well."""
        return [name for name, field in self.fields.items() if field.is_contested]

    @property
    def faults(self) -> list[str]:
        """Why what was typed cannot be sent, one sentence for each field."""
        return [field.fault for field in self.fields.values() if field.is_changed and field.fault]

    def changes(self) -> dict[str, Any]:
        """What was typed, by key, None where a key is to go; without what is contested. Call it without faults only."""
        changed = {name: field for name, field in self.fields.items() if field.is_changed and not field.is_contested}
        return {name: field.value for name, field in changed.items()}

    def texts(self, names: Iterable[str]) -> dict[str, str]:
        """What stands in these fields."""
        return {name: self.fields[name].text for name in names}

    def seen(self, names: Iterable[str]) -> dict[str, Any]:
        """The manager's values that a person saw in these fields while typing."""
        return {name: self.fields[name].seen for name in names}

    def for_start(self) -> dict[str, Any] | None:
        """The metadata for a new session: all that stands in the form; None where nothing was typed: the defaults."""
        if not self.is_changed:
            return None
        found = {name: field.value for name, field in self.fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def missing(self) -> list[str]:
        """Mandatory keys without a value, one sentence each: Start would be refused."""
        return [field.fault for field in self.fields.values() if field.key.mandatory and field.fault]


def _undefined(name: str, value: Any) -> MetadataKey:
    """A key that the beamline does not define: the type is that of its value."""
    match value:
        case bool():
            kind = MetadataType.BOOLEAN
        case int():
            kind = MetadataType.INTEGER
        case float():
            kind = MetadataType.DOUBLE
        case list():
            kind = MetadataType.LIST
        case dict():
            kind = MetadataType.MAP
        case _:
            kind = MetadataType.STRING
    return MetadataKey(name=name, type=kind)
