"""The PVs as caproto serves them: values set by us, puts handed on, alarms, time stamps and a few record fields."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from caproto import (
    AccessRights,
    AlarmSeverity,
    AlarmStatus,
    ChannelByte,
    ChannelData,
    ChannelDouble,
    ChannelEnum,
    ChannelInteger,
    ChannelString,
    ChannelType,
    SubscriptionType,
    TimeStamp,
)

from beamsession.faces.epics.access import Client, WriteAccess
from beamsession.faces.epics.pv import Kind, Pv


class Inbox(Protocol):
    """Where puts go."""

    async def put(self, channel: Any, value: Any, client: Client) -> Awaitable[Any] | None:
        """Take a value; what this returns is awaited before the put's callback is answered."""
        ...

    async def refuse(self, channel: Any, offered: str, client: Client) -> None:
        """Tell that what was put is no value for this channel."""
        ...


_VALUE = SubscriptionType.DBE_VALUE | SubscriptionType.DBE_LOG
_MOST_STRING_BYTES = 39
_DBR_STRING_SLOT = 40
_SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")
_NUMBERS = {Kind.LONG: ChannelType.LONG, Kind.LONGS: ChannelType.LONG, Kind.DOUBLE: ChannelType.DOUBLE}


class Channel:
    """What all our channels have in common; mixed with one of caproto's."""

    pv: Pv
    _data: dict[str, Any]
    alarm: Any
    publish: Callable[..., Awaitable[None]]

    def describe(self, pv: Pv, access: WriteAccess, inbox: Inbox | None) -> None:
        """Say which PV this is; before the server starts."""
        self.pv, self.inbox, self._access = pv, inbox, access
        self.shown: Any = None
        self._fields: dict[str, ChannelData] = {}

    def allows(self, client: Client) -> bool:
        """Whether `client` may write it."""
        return self.inbox is not None and self._access.allows(client)

    def check_access(self, hostname: str, username: str) -> AccessRights:
        return AccessRights.READ

    async def show(
        self, value: Any, *, at: float | None = None, severity: int = 0, status: AlarmStatus = AlarmStatus.NO_ALARM
    ) -> None:
        """Set value, time stamp (s since 1970) and alarm, and tell every subscriber if one of them is new."""
        alarm = self.alarm._data
        flags = (0 if self._same(value) else _VALUE) | (
            0 if alarm["severity"] == severity else SubscriptionType.DBE_ALARM
        )
        if not flags:
            return
        self.shown = value
        self._data["value"] = self.packed(value)
        self._data["timestamp"] = TimeStamp.from_flexible_value(time.time() if at is None else at)
        alarm["severity"], alarm["status"] = AlarmSeverity(severity), AlarmStatus(status)
        await self.publish(flags)
        if flags & SubscriptionType.DBE_ALARM:
            await self._show_alarm_fields()

    async def show_alarm(self, severity: int, status: AlarmStatus) -> None:
        """The same value with another alarm, from now on."""
        await self.show(self.shown, severity=severity, status=status)

    def packed(self, value: Any) -> Any:
        """`value` as caproto keeps it."""
        return value

    def get_field(self, name: str) -> ChannelData:
        """A field of the record; KeyError for one that it has not."""
        if name in ("", "VAL"):
            return self  # pyright: ignore[reportReturnType]
        if name not in self._fields:
            self._fields[name] = self._field(name)
        return self._fields[name]

    def _field(self, name: str) -> ChannelData:
        texts = {"DESC": self.pv.doc, "RTYP": self.pv.record, "NAME": self.pv.name, "EGU": self.pv.units}
        if name in texts:
            return _Constant(texts[name])
        if name == "PREC" and self.pv.kind is Kind.DOUBLE:
            return _Whole(self.pv.precision)
        if name == "SEVR":
            return _Severity(self.alarm.severity)
        raise KeyError(name)

    async def _show_alarm_fields(self) -> None:
        if field := self._fields.get("SEVR"):
            await field.write(_SEVERITIES[int(self.alarm.severity)])

    def _same(self, value: Any) -> bool:
        if isinstance(value, float) and isinstance(self.shown, float) and math.isnan(value):
            return math.isnan(self.shown)
        return bool(value == self.shown) and self.shown is not None


class _ReadOnly:
    def check_access(self, hostname: str, username: str) -> AccessRights:
        return AccessRights.READ


class _Constant(_ReadOnly, ChannelString):
    def __init__(self, text: str) -> None:
        super().__init__(value=clipped(text), string_encoding="utf-8")


class _Whole(_ReadOnly, ChannelInteger):
    def __init__(self, value: int) -> None:
        super().__init__(value=value)


class _Severity(_ReadOnly, ChannelEnum):
    def __init__(self, severity: int) -> None:
        super().__init__(value=_SEVERITIES[int(severity)], enum_strings=_SEVERITIES)


class _Number(Channel, ChannelInteger):
    pass


class _Real(Channel, ChannelDouble):
    pass


class _Choice(Channel, ChannelEnum):
    pass


class _Text(Channel, ChannelByte):
    """CHAR waveform of UTF-8, with its NUL, so that it is never empty."""

    def packed(self, value: Any) -> Any:
        return value.encode()[: self.pv.length - 1].decode(errors="ignore").encode() + b"\0"

    async def _read(self, data_type: Any) -> Any:
        return await super()._read(ChannelType(int(data_type)))  # `$` asks for nothing else


class _String(Channel, ChannelString):
    """DBR_STRING of 39 bytes, cut between letters; `long` has all of it, for those who ask for `$`."""

    def describe(self, pv: Pv, access: WriteAccess, inbox: Inbox | None) -> None:
        super().describe(pv, access, inbox)
        self.long = _text(pv)
        self.long.describe(pv, access, inbox)

    def packed(self, value: Any) -> Any:
        return clipped(value)

    async def show(self, value: Any, **facts: Any) -> None:
        await self.long.show(value, **facts)
        await super().show(value, **facts)


class _Strings(Channel, ChannelString):
    def packed(self, value: Any) -> Any:
        return [clipped(text) for text in value][: self.pv.count]


def clipped(text: str) -> str:
    """`text` cut to what DBR_STRING can carry, 39 bytes of UTF-8, between two letters."""
    return text.encode()[:_MOST_STRING_BYTES].decode(errors="ignore")


def make_channel(pv: Pv, access: WriteAccess, inbox: Inbox) -> Any:
    """The channel of `pv`, INVALID until it is shown for the first time; `inbox` takes writes where it is writable."""
    channel = _bare(pv)
    channel.describe(pv, access, inbox if pv.writable else None)
    for each in (channel, *([channel.long] if isinstance(channel, _String) else [])):
        each.alarm._data.update(severity=AlarmSeverity.INVALID_ALARM, status=AlarmStatus.UDF)
    return channel


def _text(pv: Pv) -> _Text:
    return _Text(value=b"\0", max_length=pv.length, strip_null_terminator=False, reported_record_type=pv.record)


def whole_text(channel: Any) -> Any:
    """The channel for `Name$`: all of a text; None where it is no text."""
    return channel if isinstance(channel, _Text) else getattr(channel, "long", None)


def _bare(pv: Pv) -> Any:
    facts: dict[str, Any] = {"reported_record_type": pv.record}
    limits = {
        key: value
        for key, value in (
            ("lower_disp_limit", pv.low), ("upper_disp_limit", pv.high),
            ("lower_ctrl_limit", pv.low), ("upper_ctrl_limit", pv.high),
        )
        if value is not None and pv.high is not None
    }  # fmt: skip
    match pv.kind:
        case Kind.LONG:
            return _Number(value=0, units=pv.units, **limits, **facts)
        case Kind.LONGS:
            return _Number(value=[0], max_length=pv.count, **facts)
        case Kind.DOUBLE:
            return _Real(value=math.nan, units=pv.units, precision=pv.precision, **limits, **facts)
        case Kind.ENUM | Kind.COMMAND:
            return _Choice(value=pv.choices[0], enum_strings=pv.choices, **facts)
        case Kind.TEXT:
            return _text(pv)
        case Kind.STRING:
            return _String(value="", string_encoding="utf-8", **facts)
        case Kind.STRINGS:
            return _Strings(value=[""], max_length=pv.count, string_encoding="utf-8", **facts)


def put_value(channel: Any, data: Any, data_type: ChannelType) -> Any:
    """What a client has put, as the PV's own kind: int, float, label or text. ValueError if it cannot be that."""
    kind = channel.pv.kind
    items = _items(data)
    if kind in (Kind.TEXT, Kind.STRING):
        return _as_text(items, data_type)
    first = items[0] if items else 0
    if isinstance(first, bytes):
        first = _decoded(first)
        if kind in (Kind.ENUM, Kind.COMMAND) and first in channel.pv.choices:
            return first
        first = float(first)
    if kind in (Kind.ENUM, Kind.COMMAND):
        if not 0 <= int(first) < len(channel.pv.choices):
            raise ValueError(f"{channel.pv.name} has no choice {first}")
        return channel.pv.choices[int(first)]
    return float(first) if kind is Kind.DOUBLE else int(first)


def offered(data: Any) -> str:
    """What a client has put, for a sentence about it."""
    first = next(iter(_items(data)), "nothing")
    return repr(_decoded(first)) if isinstance(first, bytes) else str(first)


def _items(data: Any) -> list[Any]:
    items = data.tolist() if hasattr(data, "tolist") else list(data)
    return items if isinstance(items, list) else [items]


def _as_text(items: list[Any], data_type: ChannelType) -> str:
    if items and isinstance(items[0], bytes) and "STRING" in data_type.name:
        return _decoded(items[0])
    if "CHAR" in data_type.name:
        numbers = [item if isinstance(item, int) else item[0] if item else 0 for item in items]
        return _decoded(bytes(number & 0xFF for number in numbers))
    return "" if not items else f"{items[0]:g}" if isinstance(items[0], float) else str(items[0])


def _decoded(data: bytes) -> str:
    """Up to the first NUL, as UTF-8, or as Latin-1 where it is none."""
    text = data.partition(b"\0")[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
