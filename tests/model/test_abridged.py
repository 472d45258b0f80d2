"""A plan names thousands of readings by a digest, and nobody records others than were asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from beamsession.model.abridged import Completer, abridged
from beamsession.model.errors import RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig

READINGS = tuple(ReadingConfig(name=f"pv_{place}", pv=f"X:{place}") for place in range(10_000))


def plan(readings: tuple[ReadingConfig, ...]) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="a", session_id=1, run_number=1),
        data_root=Path("/data"),
        folder=Path("/data/x"),
        session=SessionFacts(id=1, name="x", start=datetime(2026, 11, 21, tzinfo=UTC)),
        instrument=InstrumentFacts(name="a"),
        readings=readings,
    )


def test_a_short_plan_is_made_whole_again_over_json() -> None:
    sent = abridged(plan(READINGS)).model_dump_json()
    assert len(sent) < 2000
    assert Completer(READINGS).whole(RunPlan.model_validate_json(sent)) == plan(READINGS)


def test_other_readings_are_refused() -> None:
    for readings in (READINGS[1:], (*READINGS[:-1], READINGS[-1].model_copy(update={"axis": True})), READINGS[::-1]):
        with pytest.raises(RefusedError) as refusal:
            Completer(READINGS).whole(abridged(plan(readings)))
        assert refusal.value.code == "READINGS_DIFFER"


def test_a_plan_that_names_its_readings_one_by_one_stays_as_it_is() -> None:
    assert Completer(READINGS).whole(plan(READINGS[:3])) == plan(READINGS[:3])
    assert abridged(plan(())) == plan(())
