"""What frames and readings share as clients of Tango devices."""

from __future__ import annotations

from typing import Any

import tango

TIMEOUT_MS = 3000
# Reasons of a DevFailed that come from the client's side: the device itself said nothing.
_SILENCE = frozenset(
    {
        "API_CantConnectToDevice",
        "API_CantConnectToDatabase",
        "API_CorbaException",
        "API_DeviceNotDefined",
        "API_DeviceNotExported",
        "API_DeviceTimedOut",
        "API_ServerNotRunning",
        "DB_DeviceNotDefined",
    }
)


def split(attribute: str) -> tuple[str, str]:
    """The device and the attribute's own name: `tango://h:1/a/b/c/x#dbase=no` is `x` of `tango://h:1/a/b/c#dbase=no`."""
    path, mark, fragment = attribute.partition("#")
    device, _, name = path.rpartition("/")
    return device + mark + fragment, name


def connected(device: str, timeout_ms: int = TIMEOUT_MS) -> tango.DeviceProxy:
    """A client of a device that has just answered. Raises DevFailed."""
    proxy = tango.DeviceProxy(device)
    proxy.set_timeout_millis(timeout_ms)
    proxy.ping()
    return proxy


class Heartbeat:
    """Asks the server of one device where it sends its heartbeat; its client is kept until `forget`."""

    def __init__(self) -> None:
        self._admin: tango.DeviceProxy | None = None

    def channel(self, proxy: tango.DeviceProxy) -> str | None:
        """Where it is sent; None where the server does not tell. Raises DevFailed if it is not there.

        A restarted server has another one. It answers a ping as the old one did, and sends no events to anybody.
        """
        try:
            if self._admin is None:
                admin = tango.DeviceProxy(proxy.adm_name())
                admin.set_timeout_millis(TIMEOUT_MS)
                self._admin = admin
            told: Any = self._admin.command_inout("ZmqEventSubscriptionChange", ["info"])
            return str(told[1][0])
        except tango.DevFailed as fault:
            if is_silence(fault):
                self._admin = None
                raise
            return None

    def forget(self) -> None:
        """The device is lost: it may come back in another server."""
        self._admin = None


def time_ns(value: Any) -> int:
    """The time stamp of an attribute's value, ns since 1970."""
    stamp = value.time
    return stamp.tv_sec * 1_000_000_000 + stamp.tv_usec * 1_000 + stamp.tv_nsec


def is_silence(fault: tango.DevFailed) -> bool:
    """Whether the device was not reached or did not answer; else the error is its answer."""
    return isinstance(fault, tango.ConnectionFailed | tango.CommunicationFailed) or bool(reasons(fault) & _SILENCE)


def reasons(fault: tango.DevFailed) -> set[str]:
    """The codes in a DevFailed."""
    return {error.reason for error in _errors(fault)}


def sentence(fault: tango.DevFailed) -> str:
    """The first line of what a DevFailed says, without a full stop."""
    text = next((str(error.desc) for error in _errors(fault)), "unknown error")
    return text.strip().partition("\n")[0].rstrip(".")


def _errors(fault: tango.DevFailed) -> list[Any]:
    return [error for error in fault.args if isinstance(error, tango.DevError)]
