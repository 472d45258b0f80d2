"""What a Tango device class of this project offers, read from the class itself without running it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from tango import Attr, AttrDataFormat, AttrWriteType, CmdArgType
from tango.server import Device

from beamsession.model.states import DeviceState

_NO_ARGUMENT = CmdArgType.DevVoid
_MADE_UP = "TANGO command"  # so ends what pytango says of a command without a docstring
_NEVER_IN = {DeviceState.STANDBY: ("RunRecorder",)}


@dataclass(frozen=True)
class CommandFacts:
    """One command; the documentation of what does not exist is empty."""

    name: str
    doc: str
    in_type: CmdArgType
    in_doc: str
    out_type: CmdArgType
    out_doc: str


@dataclass(frozen=True)
class AttributeFacts:
    """One attribute; `max_dim_x` is 1 for a scalar, `minimum` and `maximum` are texts, empty without one."""

    name: str
    doc: str
    type: CmdArgType
    format: AttrDataFormat
    access: AttrWriteType
    max_dim_x: int
    unit: str = ""
    display: str = ""
    minimum: str = ""
    maximum: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class PropertyFacts:
    """One device property."""

    name: str
    doc: str
    type: CmdArgType
    default: str


@dataclass(frozen=True)
class DeviceInterface:
    """A device class; `states` are those it can be in, the most severe first."""

    name: str
    doc: str
    commands: tuple[CommandFacts, ...]
    attributes: tuple[AttributeFacts, ...]
    properties: tuple[PropertyFacts, ...]
    states: tuple[str, ...]


def interface_of(device: type[Device], port: type | None = None) -> DeviceInterface:
    """The interface of `device`; State, Status and Init, which every device has, are left out.

    Commands that say nothing about themselves are explained by the method of `port` that they stand for.
    """
    tables: Any = device.TangoClassClass  # pyright: ignore[reportAttributeAccessIssue]
    return DeviceInterface(
        name=device.__name__,
        doc=inspect.getdoc(device) or "",
        commands=tuple(_command(device, port, name, spec) for name, spec in tables.cmd_list.items()),
        attributes=tuple(_attribute(item) for item in tables.attr_list.values()),
        properties=tuple(
            PropertyFacts(name, spec[1], spec[0], _default(spec[2]))
            for name, spec in tables.device_property_list.items()
        ),
        states=tuple(state.value for state in DeviceState if device.__name__ not in _NEVER_IN.get(state, ())),
    )


def _command(device: type[Device], port: type | None, name: str, spec: list[Any]) -> CommandFacts:
    (in_type, in_doc), (out_type, out_doc) = spec[0], spec[1]
    return CommandFacts(
        name=name,
        doc=_documentation(device, port, name),
        in_type=in_type,
        in_doc="" if in_type is _NO_ARGUMENT else in_doc,
        out_type=out_type,
        out_doc="" if out_type is _NO_ARGUMENT else out_doc,
    )


def _documentation(device: type[Device], port: type | None, name: str) -> str:
    own = inspect.getdoc(getattr(device, name)) or ""
    if not own.partition("\n")[0].endswith(_MADE_UP):
        return own
    method = getattr(port, name.removeprefix("Get").lower(), None) or getattr(port, method_name(name), None)
    return inspect.getdoc(method) or ""


def method_name(command: str) -> str:
    """`StartRun` -> `start_run`."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in command).lstrip("_")


def _attribute(declared: Any) -> AttributeFacts:
    carrier = Attr(declared.attr_name, declared.attr_type, declared.attr_write)
    carrier.set_default_properties(declared.att_prop)  # which can only be written; the carrier can be read
    defaults = {item.get_name(): item.get_value() for item in carrier.get_user_default_properties()}
    labels = defaults.get("enum_labels", "")
    return AttributeFacts(
        name=declared.attr_name,
        doc=defaults.get("description", ""),
        type=declared.attr_type,
        format=declared.attr_format,
        access=declared.attr_write,
        max_dim_x=declared.dim_x,
        unit=defaults.get("unit", ""),
        display=defaults.get("format", ""),
        minimum=defaults.get("min_value", ""),
        maximum=defaults.get("max_value", ""),
        labels=tuple(labels.split(",")) if labels else (),
    )


def _default(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
