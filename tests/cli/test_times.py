"""Times as a person types them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.faces.cli.times import parse_time

NOW = datetime(2026, 11, 21, 14, 30, 5, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def _in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-21T14:30:05+00:00"),
        ("today", "2026-11-21T00:00:00+01:00"),
        (" Yesterday ", "2026-11-20T00:00:00+01:00"),
        ("90s", "2026-11-21T14:28:35+00:00"),
        ("30min", "2026-11-21T14:00:05+00:00"),
        ("12h", "2026-11-21T02:30:05+00:00"),
        ("7d", "2026-11-14T14:30:05+00:00"),
        ("2 w", "2026-11-07T14:30:05+00:00"),
        ("2026-11-20", "2026-11-20T00:00:00+01:00"),
        ("2026-07-01 10:00", "2026-07-01T10:00:00+02:00"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20t10:00:00.5-03:00", "2026-11-20T10:00:00.500000-03:00"),
    ],
)
def test_what_a_time_means(text: str, meant: str) -> None:
    assert parse_time(text, NOW) == datetime.fromisoformat(meant)


def test_yesterday_began_at_midnight_also_where_the_clock_was_put_back() -> None:
    after = datetime(2026, 10, 26, 8, 0, tzinfo=UTC)
    assert parse_time("yesterday", after).isoformat() == "2026-10-25T00:00:00+02:00"


@pytest.mark.parametrize("text", ["", "soon", "7", "7 days", "-1h", "2026-13-01", "999999w", "12:00", "tomorrow"])
def test_what_is_no_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time\. Give a date"):
        parse_time(text, NOW)


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999), st.integers(-12, 12))
def test_every_moment_in_iso_text_is_itself(second: int, microsecond: int, hours: int) -> None:
    moment = datetime.fromtimestamp(second, timezone(timedelta(hours=hours))).replace(microsecond=microsecond)
    assert parse_time(moment.isoformat(), NOW) == moment
