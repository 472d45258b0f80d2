"""Two hundred sessions on their way to the catalogue while everything fails: how many arrive, and how often.

For each generation of the catalogue and each kind of account: every fault at every request, a random mixture besides,
and the worker killed at random moments. The real manager and worker, the stand-in over HTTP. `DRILL_SEED=N` repeats
the random part, `DRILL_ONLY=NAME` does one drill.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "worker"))

from beamsim.scicat import Fault
from drill_beamline import Course, Ended, run_course
from ingest_drill import DRILLS, Drill, at_random, in_turn
from rows import row

SESSIONS = 25
KILLS = 4
_IN_TURN_AT_ONCE = 4


def rows() -> list[dict[str, Any]]:
    """For each drill the sessions that are in the catalogue exactly once, or parked for a reason that is true."""
    seed = int(os.environ.get("DRILL_SEED") or random.randrange(1_000_000))
    only = os.environ.get("DRILL_ONLY", "")
    found: list[dict[str, Any]] = []
    ends: list[Ended] = []
    for number, drill in enumerate(DRILLS):
        if only and only != drill.name:
            continue
        ended = _drilled(drill, seed + number, by_run=drill.account == "admin")
        print(f"{drill.name}, seed {seed + number}: {_told(ended)}", flush=True)
        ends.append(ended)
        right = ended.archived + ended.blind if ended.verdict.is_exact else 0
        found.append(row(f"ingest_drill_{drill.name}", right, SESSIONS, 1, unit="sessions"))
    files = sum(ended.verdict.files for ended in ends)
    twice = sum(ended.verdict.twice for ended in ends)
    parked = sum(sum(ended.parked.values()) for ended in ends)
    unjustified = sum(ended.unjustified for ended in ends)
    return [
        *found,
        row("ingest_drill_files_twice", twice, files, 0, unit="files", higher_is_better=False),
        row("ingest_drill_parked_wrongly", unjustified, max(parked, 1), 0, unit="sessions", higher_is_better=False),
    ]


def _drilled(drill: Drill, seed: int, *, by_run: bool) -> Ended:
    with tempfile.TemporaryDirectory() as folder:
        course = Course(drill, SESSIONS, _mixed(seed), KILLS, by_run=by_run, seed=seed)
        return run_course(course, Path(folder) / "drill")


def _mixed(seed: int) -> Iterator[tuple[Fault, ...]]:
    """For each session the next few in turn, and one at random."""
    turn, dice = in_turn(), at_random(seed)
    while True:
        yield (*islice(turn, _IN_TURN_AT_ONCE), next(dice))


def _told(ended: Ended) -> str:
    routes = len(ended.struck)
    verdict = ended.verdict
    return (
        f"{ended.archived} archived, {ended.blind} parked blind, parked on the way {ended.parked}, "
        f"{sum(ended.struck.values())} faults struck ({routes} kinds and requests), {ended.kills} kills, "
        f"{verdict.files} files in {verdict.datasets} datasets, {verdict.twice} twice, {verdict.missing} missing, "
        f"{ended.seconds:.0f} s {verdict.wrong or ''}"
    )


if __name__ == "__main__":
    for line in rows():
        print(line)
