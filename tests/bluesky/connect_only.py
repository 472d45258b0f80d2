"""`python connect_only.py ADDRESS`: connects the device; ends when the event counter that is given on stdin is seen."""

from __future__ import annotations

import sys
from threading import Event

import tango
from bluesky import RunEngine
from ophyd_async.core import init_devices

from beamsession.faces.bluesky import SessionManagerDevice

RE = RunEngine({}, context_managers=[])
with init_devices():
    session = SessionManagerDevice(sys.argv[1])
seen: list[int] = []
changed = Event()


def see(event: tango.EventData) -> None:
    if event.attr_value is not None:
        seen.append(event.attr_value.value)
        changed.set()


proxy = tango.DeviceProxy(sys.argv[1])
proxy.subscribe_event("EventCount", tango.EventType.CHANGE_EVENT, see)
print("connected", flush=True)
wanted = int(sys.stdin.readline())
while seen[-1] < wanted:
    changed.wait(60)
    changed.clear()
