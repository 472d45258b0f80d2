"""The PVs of a detector over Channel Access: fresh values, and writing with a time limit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import epics
import numpy as np

from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.record.ca_faults import CA_FAULTS

_GET_S = 1.0
_PAUSE_S = 0.02
_SETTLING_S = 2.0  # how long after the start of this process a channel may take to be found

Given = bool | int | float | str


class SilentError(UnavailableError):
    """A PV that does not answer now."""

    default_code = "PV_TIMEOUT"


class Pvs:
    """Channels that stay connected for life, by name. Values are always asked for: a monitor's may be old."""

    def __init__(self, names: Iterable[str]) -> None:
        epics.ca.initialize_libca()
        self._channels = {name: epics.PV(name, auto_monitor=False) for name in dict.fromkeys(names)}
        self._settled = time.monotonic() + _SETTLING_S

    def unconnected(self, names: Iterable[str], timeout: float = 0.0) -> tuple[str, ...]:
        """Those of `names` that are not connected, after at most `timeout` seconds."""
        wanted = tuple(names)
        deadline = max(time.monotonic() + timeout, self._settled)
        while (missing := tuple(name for name in wanted if not self.has(name))) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
        return missing

    def has(self, name: str) -> bool:
        """Whether it is connected."""
        return bool(self._channels[name].connected)

    def number(self, name: str, timeout: float = _GET_S) -> float:
        """Its value, of an enumeration the index. Raises SilentError."""
        value = np.ravel(self._value(name, timeout))
        if not len(value):
            raise _silent(name)
        return float(value[0])

    def text(self, name: str, timeout: float = _GET_S) -> str:
        """Its text, also of a waveform of characters. Raises SilentError."""
        value = self._value(name, timeout)
        if isinstance(value, str):
            return value
        return np.ravel(value).astype(np.uint8).tobytes().split(b"\0")[0].decode("utf-8", "replace")

    def room(self, name: str) -> int:
        """How many bytes of text it holds."""
        return int(self._channels[name].nelm or 0)

    def refusal(self, name: str, value: Given) -> str:
        """Why `value` cannot be put at `name`, in a sentence; empty where it can."""
        channel = self._channels[name]
        if not channel.connected:
            return f"The PV {name} does not answer."
        if not channel.write_access:
            return f"The PV {name} cannot be written from here."
        labels = self._labels(name)
        if isinstance(value, str) and labels is not None and value not in labels:
            return f"The PV {name} has no label '{value}', it has: {', '.join(labels)}."
        return ""

    def put(self, name: str, value: Given, *, wait: bool = True, timeout: float = 5.0) -> None:
        """Write, and wait until the record has done all that this makes it do.

        Raises RefusedError (BAD_VALUE) for what the PV cannot take, SilentError when it takes longer than `timeout`.
        """
        if not self.has(name):
            raise _silent(name)
        if refusal := self.refusal(name, value):
            raise RefusedError(
                refusal, code="BAD_VALUE", value=value, remedy="Correct the configuration, or the IOC's access rules."
            )
        try:
            chid, sent = self._channels[name].chid, self._as_sent(name, value)
            done = epics.ca.put(chid, sent, wait=wait, timeout=math.ceil(timeout))
        except CA_FAULTS as fault:
            raise SilentError(f"Writing to {name} failed: {fault}.", value=name, remedy="Look at its IOC.") from fault
        if wait and done != 1:
            raise SilentError(
                f"{name} was set to {value} and has not finished within {timeout:g} s.",
                value=name,
                remedy="Look at its IOC.",
            )
        epics.ca.flush_io()

    def _as_sent(self, name: str, value: Given) -> Any:
        kind = str(self._channels[name].type)
        if isinstance(value, str):
            labels = self._labels(name)
            if labels is not None:
                return labels.index(value)
            if "char" in kind:
                return list(value.encode() + b"\0")
            return value
        return int(value) if isinstance(value, bool) else value

    def _labels(self, name: str) -> list[str] | None:
        channel = self._channels[name]
        if "enum" not in str(channel.type):
            return None
        labels = channel.enum_strs or ()
        return [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in labels]

    def _value(self, name: str, timeout: float) -> Any:
        channel = self._channels[name]
        try:
            value = channel.get(timeout=timeout, use_monitor=False) if channel.connected else None
        except CA_FAULTS as fault:  # The IOC went away while it was asked.
            raise _silent(name) from fault
        if value is None:
            raise _silent(name)
        return value


def wait_until(reached: Callable[[], bool], timeout: float) -> bool:
    """Whether `reached` became true within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def _silent(name: str) -> SilentError:
    return SilentError(
        f"The PV {name} does not answer.", value=name, remedy="Check that its IOC runs and can be reached."
    )
