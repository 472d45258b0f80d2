"""What is asked of a store with a million sessions and ten million runs, beside the same of one with a thousand.

Reads are answers of verbs; a change lasts until the view shows it. Filling takes minutes, and 6.5 GB below the folder
for temporary files; BENCH_SESSIONS sets another size than a million.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import store_filling as filling
from growth import growth_row
from local_desk import LocalDesk, idle_recorder, open_desk

LARGE = int(os.environ.get("BENCH_SESSIONS", "1000000"))
SMALL = 1000
ROUNDS = 60
SCAN_ROUNDS = 3
GOAL = 3.0
_PAGE = 50
_FEW = 10
"""Sessions of a page where even the small store has no more."""


@dataclass(frozen=True)
class Place:
    """A filled store with its verbs; `dice` choose what to ask for, alike in every run."""

    desk: LocalDesk
    sessions: int
    dice: random.Random

    def shown(self) -> int:
        """A session that has everything, anywhere."""
        return self.dice.choice(filling.shown_ids(self.sessions))

    def in_the_middle(self) -> int:
        """A session of the instrument, out of the middle fifth."""
        found = self.dice.randrange(self.sessions * 2 // 5, self.sessions * 3 // 5)
        return found if filling.is_on_instrument(found) else found + 1


@dataclass(frozen=True)
class Question:
    """A verb with its arguments, and how many items an answer has at least: a question for nothing measures nothing."""

    arguments: Callable[[Place], dict[str, Any]]
    least: int = 0
    verb: str = "session_list"

    def asked(self, place: Place) -> Callable[[], object]:
        """The question to one store."""

        def ask() -> None:
            answer = place.desk.ask(self.verb, **self.arguments(place))
            if len(answer) < self.least:
                raise RuntimeError(f"{self.verb} answered {len(answer)} items of {self.least}")

        return ask


READS = {
    "session_show": Question(lambda place: {"session": place.shown()}, verb="session_show", least=1),
    "run_show": Question(lambda place: {"session": place.shown(), "run": 5}, verb="run_show", least=1),
    "session_events": Question(lambda place: {"session": place.shown()}, verb="event_list", least=2),
    "list_first_page": Question(lambda _: {}, _PAGE),
    "list_deep_page": Question(lambda place: {"before_id": place.in_the_middle()}, _PAGE),
    "list_one_day": Question(lambda place: _day(place.in_the_middle()), _PAGE),
    "list_common_state": Question(lambda _: {"states": ["ARCHIVED"]}, _PAGE),
    "list_rare_state": Question(lambda _: {"states": ["CANCELLED"], "limit": _FEW}, _FEW),
    "list_absent_state": Question(lambda _: {"states": ["PAUSED"]}),
    "list_two_states": Question(lambda _: {"states": ["ARCHIVED", "CANCELLED"]}, _PAGE),
    "list_common_user": Question(lambda _: {"user": filling.OPERATOR}, _PAGE),
    "list_rare_user": Question(lambda place: {"user": filling.visitor_of(place.in_the_middle()), "limit": _FEW}, _FEW),
    "list_common_user_absent_state": Question(lambda _: {"user": filling.OPERATOR, "states": ["PAUSED"]}),
    "list_proposal": Question(lambda place: {"proposal": filling.proposal_of(place.in_the_middle())}, _FEW),
    "list_proposal_common_user": Question(
        lambda place: {"proposal": filling.proposal_of(place.in_the_middle()), "user": filling.OPERATOR}
    ),
    "list_common_text": Question(lambda _: {"text": "Ceria"}, _PAGE),
    "list_text_of_one_day": Question(lambda place: {"text": "Ceria", **_day(place.in_the_middle())}, _FEW),
}
SCANS = {"list_text_of_one_session": Question(lambda place: {"text": f"_{place.in_the_middle():06d}"}, 1)}
"""What has to look at every session; shown, without a goal."""


def rows() -> list[dict[str, Any]]:
    """A row for each question, its medians in milliseconds; none where the disk is too small."""
    needed = LARGE * filling.BYTES_PER_SESSION
    if shutil.disk_usage(tempfile.gettempdir()).free < needed:
        print(f"The growth of the store is left out: it needs {needed / 1e9:.1f} GB in {tempfile.gettempdir()}.")
        return []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        recorder = stack.enter_context(idle_recorder(Path(folder) / "recorder"))
        places: list[Place] = []
        for sessions in (LARGE, SMALL):
            database = Path(folder) / f"{sessions}_sessions.db"
            filling.fill(database, sessions)
            desk = stack.enter_context(open_desk(filling.INSTRUMENT, database, recorder))
            places.append(Place(desk, sessions, random.Random(1)))
        return [*_reads(*places), *_changes(*(place.desk for place in places))]


def _reads(large: Place, small: Place) -> list[dict[str, Any]]:
    asked = [(name, question, ROUNDS, GOAL) for name, question in READS.items()]
    asked += [(name, question, SCAN_ROUNDS, None) for name, question in SCANS.items()]
    found = [
        growth_row(f"growth_{name}_ms", question.asked(large), question.asked(small), rounds=rounds, goal=goal)
        for name, question, rounds, goal in asked
    ]
    loads = (large.desk.projector.load, small.desk.projector.load)
    return [*found, growth_row("growth_view_load_ms", *loads, rounds=ROUNDS, goal=GOAL)]


def _changes(*desks: LocalDesk) -> list[dict[str, Any]]:
    large, small = (_starting(desk) for desk in desks)
    life = growth_row("growth_start_and_complete_ms", large, small, rounds=ROUNDS, goal=GOAL)
    for desk in desks:
        desk.change("session_start", name="bench")
    large, small = (_registering(desk) for desk in desks)
    return [life, growth_row("growth_run_register_ms", large, small, rounds=ROUNDS, goal=GOAL)]


def _starting(desk: LocalDesk) -> Callable[[], object]:
    def start_and_complete() -> None:
        desk.change("session_start", name="bench")
        desk.change("session_complete")

    return start_and_complete


def _registering(desk: LocalDesk) -> Callable[[], object]:
    paths = iter(desk.new_files(ROUNDS))
    return lambda: desk.change("run_register", path=next(paths))


def _day(session_id: int) -> dict[str, Any]:
    start = filling.FIRST + session_id * filling.EVERY
    return {"since": start.isoformat(), "until": (start + timedelta(days=1)).isoformat()}


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
