"""Session metadata in a run's file: units of the definition stand at plain numbers, and nowhere in the JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from beamsession.model.clock import utc_now
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.nexus import start_master
from beamsession.record.nexus.objects import text_of

METADATA = {
    "energy": 12.4,
    "gaps": [1, 2.5],
    "own": {"value": 5, "unit": "µm"},
    "text": "12",
    "flag": True,
    "flags": [True],
    "none": [],
    "free": 3,
    "nested": {"energy": 1.0},
}
UNITS = {"energy": "keV", "own": "mm", "gaps": "mm", "text": "m", "flag": "m", "flags": "m", "none": "m", "nested": "m"}


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    return RunPlan(
        key=RunKey(instrument="b1", session_id=1, run_number=1),
        data_root=tmp_path.parent,
        folder=tmp_path,
        session=SessionFacts(id=1, name="s", start=utc_now(), metadata=METADATA, units=UNITS),
        instrument=InstrumentFacts(name="b1"),
        metadata={"energy": 8.0},
    )


def units_in(group: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    group.visititems(lambda name, thing: found.update({name: thing.attrs["units"]} if "units" in thing.attrs else {}))
    return found


def test_plain_numbers_get_the_units_of_their_key_and_a_pair_keeps_its_own(plan: RunPlan) -> None:
    start_master(plan, start=utc_now(), constants={})
    with h5py.File(plan.master, "r") as file:
        assert units_in(file["entry/session/metadata"]) == {"energy": "keV", "gaps": "mm", "own": "µm"}
        assert units_in(file["entry/run/metadata"]) == {}
        assert json.loads(text_of(file["entry/session/metadata_json"])) == METADATA


def test_a_plan_that_was_journalled_before_there_were_units_is_read(plan: RunPlan) -> None:
    older = plan.model_dump(mode="json")
    del older["session"]["units"]
    assert RunPlan.model_validate(older).session.units == {}


def test_a_blank_sample_is_no_sample(plan: RunPlan) -> None:
    session = plan.session.model_copy(update={"metadata": {"sample": ""}})
    start_master(plan.model_copy(update={"session": session}), start=utc_now(), constants={})
    with h5py.File(plan.master, "r") as file:
        assert "entry/sample" not in file
        assert text_of(file["entry/session/metadata_json"]) == '{"sample": ""}'
