"""Values as a person reads them: local times, durations, sizes, frames of how many, states in their colour."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text

from beamsession.model.clock import from_text, utc_now

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_STYLES = {
    "STARTED": "green",
    "RECORDING": "green",
    "PAUSED": "yellow",
    "PREPARING": "cyan",
    "DRAINING": "cyan",
    "COMPLETING": "cyan",
    "CANCELLED": "dim",
    "INCOMPLETE": "bold red",
    "ABORTED": "red",
    "FAILED": "bold red",
    "LOST": "bold magenta",
    "ARCHIVED": "blue",
    "WAITING": "cyan",
    "PENDING": "cyan",
    "RUNNING": "green",
    "PARKED": "bold red",
}
_KIB = 1024.0


def text(value: Any) -> str:
    """Any value in one line; nothing for null and what is empty."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return f"{from_text(value).astimezone():%Y-%m-%d %H:%M:%S}"
    return str(value)


def minute(value: str | None) -> str:
    """A time to the minute, which is exact enough for what lasts hours."""
    return f"{from_text(value).astimezone():%Y-%m-%d %H:%M}" if value else ""


def pairs(value: dict[str, Any]) -> str:
    """An object in lines of `key = value`; texts stand without quotes."""
    return "\n".join(
        f"{key} = {item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}"
        for key, item in value.items()
    )


def datasets(items: Sequence[Mapping[str, Any]]) -> str:
    """One line for each: its pid, which run it is, how much is in it, how far it is."""
    lines = [
        f"{item['pid']}  {'session' if item['run'] is None else 'run ' + str(item['run'])}, "
        f"{item['files']} files, {size(item['bytes'])}, {item['state']}"
        for item in items
    ]
    return "\n".join(lines)


def state(value: str) -> Text:
    """A state; its colour reaches terminals only."""
    return Text(value, style=_STYLES.get(value.upper(), ""))


def duration(start: str | None, stop: str | None, *, now: datetime | None = None) -> str:
    """How long it took, or takes until now where there is no end yet."""
    if not start:
        return ""
    end = from_text(stop) if stop else now or utc_now()
    seconds = max((end - from_text(start)).total_seconds(), 0.0)
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24:02} h"


def size(number: int) -> str:
    """Bytes in units of 1024."""
    if number < _KIB:
        return f"{number} B"
    amount, units = float(number), iter(("KiB", "MiB", "GiB", "TiB", "PiB"))
    unit = "B"
    while amount >= _KIB and (larger := next(units, "")):
        amount, unit = amount / _KIB, larger
    return f"{amount:.1f} {unit}"


def percent(fraction: float) -> str:
    """0.5 as 50 %."""
    return f"{fraction * 100:.0f} %"


def frames(run: dict[str, Any]) -> str:
    """Written frames of those declared, over all detectors; what was declared while nothing is reported yet."""
    accounts = (run.get("report") or {}).get("accounts") or []
    if not accounts:
        return f"of {run['frames']}" if run.get("frames") else ""
    written = sum(account["written"] for account in accounts)
    expected = [account["expected"] for account in accounts if account.get("expected") is not None]
    return f"{written} of {sum(expected)}" if expected else str(written)


def missing(run: dict[str, Any]) -> str:
    """How many frames are known to be missing; nothing where none are."""
    accounts = (run.get("report") or {}).get("accounts") or []
    return text(sum(account["missing"] for account in accounts) or None)
