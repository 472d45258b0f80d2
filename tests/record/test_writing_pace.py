"""Looks are a millisecond apart, and late ones are not held up."""

from __future__ import annotations

import time

import pytest

from beamsession.record.pace import Pace


def test_a_hundred_looks_take_a_tenth_of_a_second() -> None:
    pace = Pace()
    begin = time.monotonic()
    for _ in range(101):
        pace.wait()
    assert time.monotonic() - begin >= 0.1


def test_a_look_that_comes_late_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", waits.append)
    pace = Pace()
    pace.wait()
    now[0] += 0.0004
    pace.wait()
    now[0] += 0.5
    pace.wait()
    assert waits == [pytest.approx(0.0006)]
