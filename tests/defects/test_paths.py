"""Folders that are named by dates and counters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from beamsession.model.paths import check_template, session_folder


def folder(template: str, start: datetime, name: str = "scan") -> str:
    return session_folder(
        check_template(template), session_id=7, name=name, proposal="p1", instrument="B1", start=start
    )


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (datetime(2024, 12, 30, tzinfo=UTC), "20241230_7"),
        (datetime(2024, 12, 31, 23, 59, tzinfo=UTC), "20241231_7"),
        (datetime(2027, 1, 1, tzinfo=UTC), "20270101_7"),
    ],
)
def test_path_dates_use_the_calendar_year(start: datetime, named: str) -> None:
    """Elsewhere it was the year of the week: 30 December 2024 gave 20251230."""
    assert folder("{year}{month}{day}_{session}", start) == named


def test_two_formatted_counters_need_no_blank_between_them() -> None:
    """Elsewhere a format ran to the next blank, and two in one segment raised an error."""
    start = datetime(2026, 11, 21, tzinfo=UTC)
    assert folder("{session:02d}_{session:03d}{session:04d}", start) == "07_0070007"


def test_a_name_with_a_slash_makes_no_further_folder() -> None:
    """Elsewhere the session's name came into paths as it was."""
    start = datetime(2026, 11, 21, tzinfo=UTC)
    assert folder("{session}_{name}", start, "a/../b").count("/") == 0
