"""What can go wrong between worker and catalogue, in turn or at random; and the count of what came of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsim.scicat import Account, Catalogue, Fault, FaultKind, Site, demo_site

LOGIN = "POST /api/v3/auth/login"
WHOAMI = "GET /api/v3/auth/whoami"
DATASET = "GET /api/v4/datasets/{pid}"
CREATE = "POST /api/v4/datasets"
BLOCK = "POST /api/v3/origdatablocks"
LIST = "GET /api/v4/origdatablocks"
EVERY_TIME = (LOGIN, DATASET, CREATE, BLOCK)
"""The requests that every ingest makes; the others it makes when it is in doubt."""

LATE_S = 0.2
"""How much later than its answer the catalogue does something at most; the worker's `settle_s` must be longer."""

PASSING = (
    Fault(FaultKind.DELAY, seconds=0.15),
    Fault(FaultKind.FAIL_BEFORE, status=500),
    Fault(FaultKind.FAIL_BEFORE, status=502),
    Fault(FaultKind.FAIL_BEFORE, status=503),
    Fault(FaultKind.FAIL_BEFORE, status=504),
    Fault(FaultKind.FAIL_AFTER, status=500),
    Fault(FaultKind.FAIL_AFTER, status=502),
    Fault(FaultKind.CUT_BEFORE),
    Fault(FaultKind.CUT_AFTER),
    Fault(FaultKind.CUT_MIDDLE),
    Fault(FaultKind.LATE, seconds=LATE_S),
    Fault(FaultKind.EXPIRE_TOKENS),
    Fault(FaultKind.FORGET_TOKENS),
    Fault(FaultKind.TOO_MANY, seconds=0.1),
    Fault(FaultKind.TOO_MANY, seconds=-1.0),
    Fault(FaultKind.WRONG_JSON),
    Fault(FaultKind.PAGE, status=200),
    Fault(FaultKind.PAGE, status=404),
    Fault(FaultKind.MOVED, status=302),
    Fault(FaultKind.REFUSE, seconds=0.2),
    Fault(FaultKind.CLOCK_JUMP, seconds=4000.0),
    Fault(FaultKind.ENDLESS),
)
"""Those that a worker must get over by itself."""

LASTING = (Fault(FaultKind.TOO_LARGE), Fault(FaultKind.MOVED, status=301))
"""Those that need a person."""


@dataclass(frozen=True)
class Drill:
    """A generation of the catalogue, and an account with the lines of the [catalogue] table that make it known.

    `is_blind`: it may not read what it has made.
    """

    profile: str
    account: str
    options: str
    is_blind: bool = False

    @property
    def name(self) -> str:
        """In a table."""
        return f"{self.profile}_{self.account}{'_blind' if self.is_blind else ''}"


_SHARED = 'ingestor_group = "ingestor"\n'
DRILLS = tuple(
    drill
    for profile in ("4.27", "5.2")
    for drill in (
        Drill(profile, "ingestor", _SHARED),
        Drill(profile, "station", ""),
        Drill(profile, "admin", ""),
        Drill(profile, "ingestor", "", is_blind=True),
    )
)


def drill_site() -> Site:
    """The demonstration's, with an account that creates for its own group only, with pids of its own."""
    site = demo_site()
    station = Account("station", "station", ("visitors",))
    return replace(site, accounts=(*site.accounts, station), create_with_pid=frozenset({"visitors"}))


def in_turn() -> Iterator[Fault]:
    """Each passing fault at each request of the sequence."""
    for route in EVERY_TIME:
        for fault in PASSING:
            yield replace(fault, route=route)


def at_random(seed: int, routes: tuple[str, ...] = (LOGIN, WHOAMI, DATASET, CREATE, BLOCK, LIST)) -> Iterator[Fault]:
    """For ever."""
    dice = random.Random(seed)
    while True:
        fault = dice.choice(LASTING if dice.random() < 0.02 else PASSING)
        yield replace(fault, route=dice.choice(routes), nth=dice.randint(1, 3))


@dataclass
class Verdict:
    """What the catalogue holds of some sessions' files, each compared with what is on the disk.

    `twice` counts files that are listed more than once, `strange` those that are listed and not there, or with another
    size; `missing` those of archived sessions that are not listed; `unmade` archived sessions without a dataset.
    """

    datasets: int = 0
    files: int = 0
    twice: int = 0
    strange: int = 0
    missing: int = 0
    unmade: int = 0
    wrong: list[str] = field(default_factory=list[str])

    @property
    def is_exact(self) -> bool:
        """Whether each is there once."""
        return not (self.twice or self.strange or self.missing or self.unmade or self.wrong)


def judge(catalogue: Catalogue, data_root: Path, sessions: list[Session]) -> Verdict:
    """Compare; a session that is not archived may be in the catalogue in part, but in no part twice."""
    verdict = Verdict(datasets=len(catalogue.state.datasets))
    by_session: dict[int, list[str]] = {}
    for pid, dataset in catalogue.state.datasets.items():
        by_session.setdefault(dataset["scientificMetadata"]["session_id"]["value"], []).append(pid)
    known = {session.id for session in sessions}
    verdict.wrong += [f"a dataset of session {number}" for number in by_session.keys() - known]
    for session in sessions:
        pids = by_session.get(session.id, [])
        blocks = [block for pid in pids for block in catalogue.state.blocks_of(pid)]
        listed = [(file["path"], file["size"]) for block in blocks for file in block["dataFileList"]]
        counts = Counter(path for path, _ in listed)
        there = sizes(data_root / session.folder)
        verdict.files += len(listed)
        verdict.twice += sum(count - 1 for count in counts.values())
        verdict.strange += sum(there.get(path) != size for path, size in listed)
        if session.state is SessionState.ARCHIVED:
            verdict.unmade += not pids
            verdict.missing += len(there.keys() - counts.keys())
            if session.dataset_pid not in pids:
                verdict.wrong.append(f"session {session.id} is said to be {session.dataset_pid}")
    orphans = [block for block in catalogue.state.blocks.values() if block["datasetId"] not in catalogue.state.datasets]
    verdict.strange += len(orphans)
    return verdict


def sizes(folder: Path) -> dict[str, int]:
    """The files of a session's folder that are data, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "later_"))
    }
