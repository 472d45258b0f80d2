"""The worker's own process under faults and kills: every session arrives, each file once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from beamsim.scicat import Fault
from drill_beamline import Course, run_course
from ingest_drill import BLOCK, CREATE, DATASET, DRILLS, LASTING, LOGIN, PASSING

SESSIONS = 12


def each_once() -> Iterator[tuple[Fault, ...]]:
    """Each kind once, on one request after the other; two for each session."""
    routes = (CREATE, BLOCK, LOGIN, DATASET, BLOCK)
    faults = [replace(fault, route=routes[place % len(routes)]) for place, fault in enumerate((*PASSING, *LASTING))]
    yield from zip(faults[::2], faults[1::2], strict=True)


@pytest.mark.crash
def test_twelve_sessions_with_each_fault_once_and_a_killed_worker_arrive_exactly_once(tmp_path: Path) -> None:
    faults = each_once()
    ended = run_course(Course(DRILLS[0], SESSIONS, faults, kills=1, seed=4), tmp_path / "drill")
    assert next(faults, None) is None
    assert ended.verdict.is_exact, ended
    assert (ended.archived, ended.verdict.datasets) == (SESSIONS, SESSIONS)
    assert ended.unjustified == 0, ended.parked
    assert sum(ended.struck.values()) >= SESSIONS, ended.struck
