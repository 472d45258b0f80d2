"""The keys that a beamline expects in the metadata of its sessions: types, defaults, units, choices, mandatory ones."""

from __future__ import annotations

import difflib
import logging
from copy import deepcopy
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata import MAX_KEY, check_metadata, is_key, is_same
from beamsession.model.metadata_faults import Fault, MetadataFaults, shown
from beamsession.model.metadata_type import MetadataType, as_text, typed, unit_key_of
from beamsession.model.names import shortened
from beamsession.model.value import Value

_log = logging.getLogger(__name__)


def _key_name(text: str) -> str:
    if not is_key(text):
        raise ValueError(f"must be printable, not blank, and at most {MAX_KEY} characters long")
    return text


def _unit(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text.strip()


class MetadataKey(Value):
    """[[metadata.keys]]: one key that the metadata of a session may have."""

    name: Annotated[str, AfterValidator(_key_name)] = Field(description="the key as scripts write it")
    type: MetadataType = Field(default=MetadataType.STRING, description="what its value is")
    default: Any = Field(default=None, description="the value, or its text, where Start is given no metadata")
    units: Annotated[str, AfterValidator(_unit)] = Field(
        default="", max_length=100, description="the unit of a plain number (Integer, Double, List)"
    )
    choices: tuple[Any, ...] = Field(default=(), description="the only values that are accepted; empty: any")
    mandatory: bool = Field(default=False, description="whether every session must have it")
    help: str = Field(default="", description="what is to be entered, for people")

    @field_validator("choices")
    @classmethod
    def _choices_are_typed(cls, choices: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        kind = info.data.get("type")
        if kind is None:
            return choices
        what = f"of '{info.data.get('name', '')}' the choice"
        return tuple(_configured(kind, what, choice) for choice in choices)

    @model_validator(mode="after")
    def _default_is_acceptable(self) -> MetadataKey:
        if self.units and not self.type.is_measurable:
            raise ValueError(f"'{self.name}' is {self.type.value} and cannot have units: remove them")
        if self.default is not None:
            _configured(self.type, f"of '{self.name}' the default", self.default)
            if not self._is_choice(self.typed_default):
                raise ValueError(f"of '{self.name}' the default {shown(self.default)} {self._choice_reason()}")
        return self

    @property
    def typed_default(self) -> Any:
        """A copy of the default, of the key's type; without one "" for a String and None for the others."""
        if self.default is None:
            return "" if self.type is MetadataType.STRING else None
        return deepcopy(typed(self.type, self.default))

    @property
    def has_default(self) -> bool:
        """Whether there is a default that says something."""
        return not _is_blank(self.typed_default)

    @property
    def default_text(self) -> str:
        """The default as it was written, JSON where it was not a text; "" without one."""
        return "" if self.default is None else as_text(self.default)

    def typed(self, given: Any) -> Any:
        """`given` as a value that the key accepts; ValueError with the reason if there is none.

        With choices, a quantity is only accepted in the key's own units. A blank String says that there is no value
        yet, and needs not be one of the choices.
        """
        value = typed(self.type, given)
        if not self._is_choice(value):
            raise ValueError(self._choice_reason())
        return value

    def _is_choice(self, value: Any) -> bool:
        if not self.choices or _is_blank(value):
            return True
        unit_key = unit_key_of(value) if self.type.is_measurable else ""
        return (value["value"] if unit_key and value[unit_key] == self.units else value) in self.choices

    def _choice_reason(self) -> str:
        return f"is not one of {shortened(', '.join(shown(choice) for choice in self.choices))}"


def _named_once(keys: tuple[MetadataKey, ...]) -> tuple[MetadataKey, ...]:
    seen: set[str] = set()
    for key in keys:
        if key.name in seen:
            raise ValueError(f"'{key.name}' is defined twice: remove one")
        seen.add(key.name)
    return keys


MetadataKeys = Annotated[tuple[MetadataKey, ...], AfterValidator(_named_once)]


class MetadataDefinition(Value):
    """What the metadata of a beamline's sessions are to be; without keys it accepts everything as it is.

    `strict` false accepts each value under a defined key: one that does not parse is kept as it was given, and neither
    choices nor mandatory keys are enforced; what would have been refused is logged. `undefined` says what becomes of
    a key that is not defined: it keeps its JSON value, or is refused.
    """

    keys: MetadataKeys = ()
    strict: bool = True
    undefined: Literal["allow", "refuse"] = "allow"

    @property
    def names(self) -> tuple[str, ...]:
        """The keys' names in order."""
        return tuple(key.name for key in self.keys)

    def type_of(self, name: str) -> MetadataType:
        """The type of a key; String for one that is not defined."""
        key = self._by_name.get(name)
        return key.type if key else MetadataType.STRING

    def default_text(self, name: str) -> str:
        """The text of a key's default; empty without one, and for a key that is not defined."""
        key = self._by_name.get(name)
        return key.default_text if key else ""

    def units_of(self) -> dict[str, str]:
        """The unit of each key that has one."""
        return {key.name: key.units for key in self.keys if key.units}

    def typed_defaults(self) -> dict[str, Any]:
        """The defaults in order, and "" for each String without one; a mandatory key without a default is absent."""
        wanted = (key for key in self.keys if key.has_default or not key.mandatory)
        return {key.name: value for key in wanted if (value := key.typed_default) is not None}

    def at_start(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """The metadata of a session that is started with `given`, which is not altered.

        None: all defaults. Else only those given, typed, and the defaults of mandatory keys. Raises
        InvalidInputError (BAD_METADATA_VALUE, UNDEFINED_METADATA, MANDATORY_METADATA) that names every faulty key.
        """
        faults = MetadataFaults()
        values = self.typed_defaults() if given is None else self._typed(check_metadata(given), {}, faults)
        values = {name: value for name, value in values.items() if value is not None or self._keeps_null(name)}
        for key in self.keys:
            if key.mandatory and key.name not in values:
                if key.has_default:
                    values[key.name] = key.typed_default
                else:
                    faults.add(key.name, None, Fault.MANDATORY, f"'{key.name}' ({key.type.value}) is mandatory")
        self._judge(faults)
        return check_metadata(values)

    def checked(self, values: dict[str, Any], *, old: dict[str, Any]) -> dict[str, Any]:
        """`values` typed, for a session that has the metadata `old`; None, which removes a key, stays None.

        A value that the session has already is accepted as it is: the definition may have changed since. Raises as
        `at_start` does.
        """
        faults = MetadataFaults()
        found = self._typed(check_metadata(values), old, faults)
        self._judge(faults)
        return found

    @cached_property
    def _by_name(self) -> dict[str, MetadataKey]:
        return {key.name: key for key in self.keys}

    def _typed(self, values: dict[str, Any], old: dict[str, Any], faults: MetadataFaults) -> dict[str, Any]:
        found = dict(values)
        for name, value in values.items():
            if name in old and is_same(old[name], value):
                continue
            key = self._by_name.get(name)
            if key is None:
                if self.undefined == "refuse" and value is not None:
                    faults.add(name, value, Fault.UNDEFINED, f"'{name}' is not defined{self._nearest(name)}")
            elif key.mandatory and _is_blank(value):
                if value is not None or name in old:
                    faults.add(
                        name, value, Fault.MANDATORY, f"'{name}' ({key.type.value}) is mandatory and cannot be blank"
                    )
            elif value is not None:
                try:
                    found[name] = key.typed(value)
                except ValueError as fault:
                    said = f"'{name}' is {key.type.value}, and {shown(value)} {fault} (for example {_example(key)})"
                    faults.add(name, value, Fault.BAD_VALUE, said)
        return found

    def _keeps_null(self, name: str) -> bool:
        return name not in self._by_name and self.undefined == "allow"

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names, n=1)
        return f" (did you mean '{near[0]}'?)" if near else ""

    def _judge(self, faults: MetadataFaults) -> None:
        """Raise what is to be refused; log what is accepted because the definition is not strict."""
        if not self.strict:
            for sentence in faults.pardon(Fault.BAD_VALUE, Fault.MANDATORY):
                _log.warning("Metadata are accepted as they are: %s.", sentence)
        faults.refuse()


def _configured(kind: MetadataType, what: str, given: Any) -> Any:
    try:
        value = typed(kind, given)
        check_metadata({"value": value})
    except ValueError as fault:
        reason = f"{fault}, the type is {kind.value} (for example {kind.example})"
    except InvalidInputError as fault:
        reason = f"cannot be stored: {fault.sentence}"
    else:
        return value
    raise ValueError(f"{what} {shown(given)} {reason}")


def _example(key: MetadataKey) -> str:
    return as_text(key.choices[0]) if key.choices else key.type.example


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
