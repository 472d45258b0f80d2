"""The bridge's PVs as a client of pyepics sees them."""

from __future__ import annotations

from typing import Any

import epics

from bridge_rig import PREFIX


def get(name: str) -> Any:
    """What a PV says now, not what a monitor said; enumerations and texts as strings."""
    channel = epics.get_pv(PREFIX + name, timeout=30, connect=True)
    is_text = str(channel.type).endswith(("enum", "string", "char"))
    return channel.get(as_string=is_text, use_monitor=False, timeout=30)


def put(name: str, value: Any) -> None:
    """A put with callback: returns when the bridge says that it is done."""
    assert epics.get_pv(PREFIX + name, timeout=30, connect=True).put(value, wait=True, timeout=60) == 1, name


def command(name: str, value: Any = 1) -> tuple[str, str]:
    """Status and message after a command."""
    put(name, value)
    return get("CommandStatus"), get("CommandMessage")


def severity(name: str) -> int:
    """A PV's severity now."""
    channel = epics.get_pv(PREFIX + name, timeout=30, connect=True)
    return channel.get_with_metadata(use_monitor=False, timeout=30, form="time")["severity"]
