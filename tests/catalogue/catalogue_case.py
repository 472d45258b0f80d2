"""A completed session with one run that misses two frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from beamsession.model.instrument import Instrument
from beamsession.model.plan import InstrumentFacts
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import RunIntent, RunState, SessionState


@dataclass(frozen=True)
class Case:
    """A completed session with its runs, and where it was taken."""

    session: Session
    runs: tuple[Run, ...]
    instrument: Instrument


def completed_case(root: Path) -> Case:
    start, stop = datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    session = Session(
        id=7,
        instrument="B1",
        name="Łukasz 2θ",
        title="",
        state=SessionState.COMPLETED,
        user="anna",
        proposal="p12345",
        folder="2026/p12345/000007_ukasz_2",
        start=start,
        stop=stop,
        metadata={"energy": {"value": 12.4, "unit": "keV"}, "sample.name": "CeO2", "nothing": None},
    )
    run = Run(
        id=1,
        session_id=7,
        number=1,
        state=RunState.INCOMPLETE,
        intent=RunIntent.STOP,
        origin=RunOrigin.RECORDED,
        start=start,
        stop=stop,
        file=str(root / session.folder / "run_0001.nxs"),
        report={"accounts": [{"detector": "eiger", "written": 98, "missing": 2}]},
        reason="eiger: 2 frames missing",
    )
    return Case(session, (run,), Instrument(facts=InstrumentFacts(name="B1"), data_root=root))
