"""The page of the Tango devices, from their classes."""

from __future__ import annotations

from collections.abc import Sequence

from docs.generate.interface import AttributeFacts, CommandFacts, DeviceInterface
from docs.generate.markdown import code, page, table
from tango import AttrDataFormat, AttrWriteType

_INTRODUCTION = """
Two device classes. `SessionManager` is what people and programs talk to; `RunRecorder` is told by the SessionManager
what to do, and everybody may read its attributes.

All attributes but `Version` push change events from the code; nothing has to be polled. Text on Tango is
Latin-1: letters that it lacks are spelt out (Łukasz 2θ arrives as Lukasz 2theta), JSON attributes and answers carry
them exactly, escaped.
A failed command is a DevFailed whose first element has the useful sentence as `desc`, a stable code as `reason`, and
the whole error as JSON as `origin`. The files `pogo/SessionManager.xmi` and `pogo/RunRecorder.xmi` describe the same
interfaces for Pogo.
"""


def device_page(devices: Sequence[DeviceInterface]) -> str:
    """The whole page."""
    return page("Tango devices", _INTRODUCTION, *(_device(device) for device in devices))


def _device(device: DeviceInterface) -> str:
    return "\n\n".join(
        [
            f"## {device.name}",
            device.doc,
            f"States that are used, the most severe first: {', '.join(device.states)}.",
            "### Attributes",
            table(["attribute", "type", "unit", "access", "meaning"], [_attribute(item) for item in device.attributes]),
            "### Commands",
            table(["command", "in", "out", "what it does"], [_command(item) for item in device.commands]),
            "### Device properties",
            table(
                ["property", "type", "default", "meaning"],
                [[code(item.name), str(item.type), code(item.default), item.doc] for item in device.properties],
            ),
        ]
    )


def _attribute(item: AttributeFacts) -> list[str]:
    size = f"[{item.max_dim_x}]" if item.format is AttrDataFormat.SPECTRUM else ""
    meaning = f"{item.doc}. {', '.join(item.labels)}" if item.labels else item.doc
    access = "read, write" if item.access is not AttrWriteType.READ else "read"
    return [code(item.name), f"{item.type}{size}", item.unit, access, meaning]


def _command(item: CommandFacts) -> list[str]:
    given = f"{item.in_type}: {item.in_doc}" if item.in_doc else str(item.in_type)
    return [code(item.name), given, str(item.out_type), item.doc.partition("\n\n")[0] or item.out_doc]
