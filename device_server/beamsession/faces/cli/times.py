"""Times as a person types them: an ISO date or time, `now`, `today`, `yesterday`, or an age such as `12h` or `7d`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_AGE = re.compile(r"(\d{1,6}) ?(s|min|h|d|w)")
_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
USAGE = "Give a date or time such as 2026-11-21 or 2026-11-21T14:30, now, today, yesterday, or an age: 30min, 12h, 7d."


def parse_time(text: str, now: datetime | None = None) -> datetime:
    """The aware time that `text` means; days begin at midnight in the terminal's time zone. ValueError with the usage.

    A time without zone is the terminal's. `now` stands in for the present moment.
    """
    now = (now or datetime.now().astimezone()).astimezone()
    word = text.strip().lower()
    try:
        if word == "now":
            return now
        if word in ("today", "yesterday"):
            return _midnight(now.replace(tzinfo=None), days_back=int(word == "yesterday"))
        if age := _AGE.fullmatch(word):
            return now - int(age[1]) * _UNITS[age[2]]
        return datetime.fromisoformat(text.strip().upper()).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no time. {USAGE}") from None


def _midnight(moment: datetime, days_back: int) -> datetime:
    """Midnight by the clock on the wall, also where a day has 23 or 25 hours."""
    day = moment.date() - timedelta(days=days_back)
    return datetime(day.year, day.month, day.day).astimezone()
