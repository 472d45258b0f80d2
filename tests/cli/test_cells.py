"""Values as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from beamsession.faces.cli import cells
from beamsession.model.clock import to_text

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (-5, "0.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_durations_are_as_exact_as_they_are_short(seconds: float, shown: str) -> None:
    stop = START + timedelta(seconds=seconds)
    assert cells.duration(to_text(START), to_text(stop)) == shown
    assert cells.duration(to_text(START), None, now=stop) == shown
    assert cells.duration(None, None) == ""


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**30, "1.0 GiB"), (2**60, "1024.0 PiB")],
)
def test_sizes_are_in_units_of_1024(number: int, shown: str) -> None:
    assert cells.size(number) == shown


def account(written: int, expected: int | None, missing: int = 0) -> dict[str, Any]:
    return {"written": written, "expected": expected, "missing": missing}


@pytest.mark.parametrize(
    ("run", "frames", "missing"),
    [
        ({"report": {}, "frames": None}, "", ""),
        ({"report": {}, "frames": 100}, "of 100", ""),
        ({"report": {"accounts": [account(100, 100)]}}, "100 of 100", ""),
        ({"report": {"accounts": [account(98, 100, 2), account(9, 10, 1)]}}, "107 of 110", "3"),
        ({"report": {"accounts": [account(98, None)]}}, "98", ""),
    ],
)
def test_frames_are_counted_over_all_detectors(run: dict[str, Any], frames: str, missing: str) -> None:
    assert (cells.frames(run), cells.missing(run)) == (frames, missing)


def test_metadata_stand_in_lines_of_their_own() -> None:
    assert cells.pairs({"sample": "CeO2", "energy": 12.4, "map": {"a": [1]}}) == (
        'sample = CeO2\nenergy = 12.4\nmap = {"a": [1]}'
    )


def test_yes_no_and_nothing() -> None:
    assert [cells.text(value) for value in (True, False, None, [], {}, 0)] == ["yes", "no", "", "", "", "0"]
