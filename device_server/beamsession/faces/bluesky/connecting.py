"""How the device connects its signals: one after the other."""

from __future__ import annotations

from ophyd_async.core import Device, DeviceConnector
from ophyd_async.tango.core import TangoDeviceConnector


class _OneByOne(DeviceConnector):
    async def connect_real(self, device: Device, timeout: float, force_reconnect: bool) -> None:
        for _, child in device.children():
            await child.connect(timeout=timeout, force_reconnect=force_reconnect)


class OneByOneConnector(TangoDeviceConnector, _OneByOne):
    """Connects one signal at a time.

    Each is subscribed for a moment, to see whether it has events. Where Tango's library is asked to end subscriptions
    in one thread while others begin in another, some never end: from then on it prints a line about each of their
    events.
    """
