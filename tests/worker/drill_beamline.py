"""A drill with the real processes: sessions are completed, faults strike, the worker is killed, and all is counted."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue
from ingest_drill import LATE_S, LOGIN, Drill, Verdict, drill_site, judge
from worker_rig import Rig, eventually

_OPEN_AT_MOST = 8
_LIMIT_S = 300.0
_ASKED_AGAIN = 4
_REASONS = {
    "blind": "account may not (look|see)",
    "too large": r"\(413\)",
    "moved": "sends us elsewhere",
    "three failures": r"failed \(500 ",
}
FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 3000, "notes.txt": b"two theta"}


@dataclass(frozen=True)
class Course:
    """What happens in one drill: so many sessions, each with the next faults, and so many kills of the worker."""

    drill: Drill
    sessions: int
    faults: Iterator[tuple[Fault, ...]]
    kills: int = 0
    by_run: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Ended:
    """How it ended: `parked` counts the reasons of those that were parked on the way, `blind` those that stayed so.

    `struck` counts the faults that struck by kind and route; `archived` is the number of sessions.
    """

    verdict: Verdict
    archived: int
    blind: int
    parked: dict[str, int]
    struck: dict[tuple[FaultKind, str], int]
    kills: int
    seconds: float

    @property
    def unjustified(self) -> int:
        """Parked for a reason that no fault gave."""
        return sum(count for reason, count in self.parked.items() if reason not in _REASONS)


def run_course(course: Course, folder: Path, still: Callable[[], None] = lambda: None) -> Ended:
    """Do it, with all files below `folder`; `still` is called while it goes on."""
    folder.mkdir(exist_ok=True)
    with running_catalogue(course.drill.profile, drill_site()) as catalogue:
        rig = Rig(folder, catalogue, has_catalogue=False, has_recorder=course.by_run)
        try:
            (folder / "password").write_text(course.drill.account)
            rig.config.write_text(rig.config.read_text() + _catalogue_table(course, catalogue, folder))
            rig.start_manager()
            if course.by_run:
                rig.start_recorder()
            rig.start_worker()
            return _Drilling(course, catalogue, rig, still).run()
        finally:
            rig.close()


class _Drilling:
    def __init__(self, course: Course, catalogue: Catalogue, rig: Rig, still: Callable[[], None]) -> None:
        self._course = course
        self._catalogue = catalogue
        self._rig = rig
        self._still = still
        self._ids: list[int] = []
        self._open: set[int] = set()
        self._parked: dict[int, str] = {}
        self._reasons: Counter[str] = Counter()

    def run(self) -> Ended:
        """All of it."""
        course, dice = self._course, random.Random(self._course.seed)
        begun = time.monotonic()
        kills = sorted(dice.sample(range(1, course.sessions), min(course.kills, course.sessions - 1)))
        for number in range(course.sessions):
            self._complete_one()
            self._strike(next(course.faults, ()))
            if number in kills:
                time.sleep(dice.uniform(0.0, 0.5))  # Any moment is as good as another.
                self._rig.kill_worker()
                self._rig.start_worker()
            self._wait_until(lambda: len(self._open) < _OPEN_AT_MOST)
        self._wait_until(lambda: not self._open)
        self._catalogue.faults.clear()
        self._ask_again()
        sessions = [self._session(number) for number in self._ids]
        return Ended(
            verdict=judge(self._catalogue, self._rig.data_root, sessions),
            archived=sum(session.state is SessionState.ARCHIVED for session in sessions),
            blind=len(self._parked),
            parked=dict(self._reasons),
            struck=self._catalogue.faults.struck(),
            kills=len(kills),
            seconds=time.monotonic() - begun,
        )

    def _complete_one(self) -> None:
        session = self._rig.open_session(FILES)
        if self._course.by_run:
            self._rig.call("run_register", path="run_0001.nxs")
        self._rig.call("session_complete")
        self._ids.append(session.id)
        self._open.add(session.id)

    def _strike(self, faults: tuple[Fault, ...]) -> None:
        self._catalogue.faults.add(*faults)
        if any(fault.route == LOGIN for fault in faults):
            self._catalogue.backend.tokens.forget_all()

    def _ask_again(self) -> None:
        """As a person would who has mended what a parked ingest complained of."""
        for _ in range(_ASKED_AGAIN):
            again = [number for number, reason in self._parked.items() if reason != "blind"]
            for number in again:
                del self._parked[number]
                self._rig.call("ingest_request", session=number)
                self._open.add(number)
            self._wait_until(lambda: not self._open)

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        def look() -> bool:
            self._still()
            for number in list(self._open):
                self._settle(number)
            return holds()

        try:
            eventually(look, "the ingests go on", _LIMIT_S)
        except AssertionError as fault:
            stuck = [str(self._rig.store.ingest(number)) for number in self._open]
            raise AssertionError(f"{stuck}\n{self._rig.log()[-20_000:]}") from fault

    def _settle(self, number: int) -> None:
        """Take it from the open ones if it is archived or parked."""
        if self._session(number).state is SessionState.ARCHIVED:
            self._open.discard(number)
            return
        ingest = self._rig.store.ingest(number)
        if ingest is not None and ingest.state is IngestState.PARKED:
            found = [reason for reason, pattern in _REASONS.items() if re.search(pattern, ingest.detail)]
            self._parked[number] = reason = found[0] if found else ingest.detail
            self._reasons[reason] += 1
            self._open.discard(number)

    def _session(self, number: int) -> Session:
        return self._rig.store.session(number)


def _catalogue_table(course: Course, catalogue: Catalogue, folder: Path) -> str:
    unit = "run" if course.by_run else "session"
    return f"""
[catalogue]
url = "{catalogue.url}"
username = "{course.drill.account}"
password_file = "{folder / "password"}"
owner_group_without_proposal = "visitors"
contact_email = "beamline@your.site"
pid_prefix = "drill"
unit = "{unit}"
settle_s = {2 * LATE_S}
first_retry_s = 0.1
longest_retry_s = 0.4
{course.drill.options}
[catalogue.blocks]
files = 2
"""
