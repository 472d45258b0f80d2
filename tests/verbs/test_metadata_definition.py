"""The definition at work: metadata are typed when they are set, mandatory keys stay, no definition drops a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.definition import MetadataDefinition, MetadataKey
from beamsession.model.metadata_type import MetadataType
from beamsession.record.recorder import Recorder
from beamsession.verbs.plan import plan_run
from verb_desk import OTHER, STAFF, WORKER, Desk, open_desk

DEFINITION = MetadataDefinition(
    keys=(
        MetadataKey(name="sample", mandatory=True),
        MetadataKey(name="energy", type=MetadataType.DOUBLE, default="12.40", units="keV", help="Photon energy"),
        MetadataKey(name="mode", choices=("fast", "slow")),
        MetadataKey(name="count", type=MetadataType.INTEGER),
    )
)


@pytest.fixture
def opened(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk of a beamline with this definition, and a session that satisfies it."""
    with open_desk(tmp_path, recorder, definition=DEFINITION) as desk:
        desk.ask("session_start", name="open", metadata={"sample": "CeO2", "energy": 12.4})
        yield desk


def redefined(desk: Desk, definition: MetadataDefinition) -> Desk:
    """The same store, seen by a beamline that was configured anew."""
    return replace(desk, instrument=desk.instrument.model_copy(update={"definition": definition}))


def test_the_definition_is_told_in_order_with_typed_defaults(opened: Desk) -> None:
    told = opened.ask("metadata_definition", by=OTHER)
    assert [key["name"] for key in told] == ["sample", "energy", "mode", "count"]
    assert told[1] == {
        "name": "energy",
        "type": "Double",
        "default": 12.4,
        "default_text": "12.40",
        "units": "keV",
        "choices": [],
        "mandatory": False,
        "help": "Photon energy",
    }
    assert [(key["default"], key["default_text"], key["choices"]) for key in told[2:]] == [
        ("", "", ["fast", "slow"]),
        (None, "", []),
    ]


def test_values_are_typed_when_they_are_set(opened: Desk) -> None:
    made = opened.ask("metadata_set", values={"energy": "8", "count": 5.0, "mode": "slow", "free": [1, "a"]})
    assert made == {"sample": "CeO2", "energy": 8.0, "mode": "slow", "count": 5, "free": [1, "a"]}
    assert [type(made[key]) for key in ("energy", "count")] == [float, int]
    assert opened.session.metadata == made


def test_one_faulty_value_refuses_all_of_them_and_names_each(opened: Desk) -> None:
    error = opened.refused("metadata_set", values={"sample": "glass", "energy": "low", "count": True, "mode": "brisk"})
    assert error.code == "BAD_METADATA_VALUE"
    assert set(error.value) == {"energy", "count", "mode"}
    assert opened.session.metadata == {"sample": "CeO2", "energy": 12.4}


@pytest.mark.parametrize("arguments", [{"values": {"sample": None}}, {"values": {"count": 1}, "replace": True}])
def test_a_mandatory_key_stays(opened: Desk, arguments: dict[str, Any]) -> None:
    assert opened.refused("metadata_set", **arguments).code == "MANDATORY_METADATA"
    assert opened.ask("metadata_set", values={"sample": "glass"}, replace=True) == {"sample": "glass"}


def test_null_removes_a_key_that_is_not_mandatory(opened: Desk) -> None:
    assert opened.ask("metadata_set", values={"energy": None, "absent": None}) == {"sample": "CeO2"}


def test_a_value_of_another_type_is_a_change_even_if_it_is_equal(opened: Desk) -> None:
    opened.ask("metadata_set", values={"free": 1})
    assert opened.ask("metadata_set", values={"free": True})["free"] is True
    assert opened.session.metadata["free"] is True
    changes = [event.payload["changed"] for event in opened.store.events() if event.kind == "metadata_changed"]
    assert changes[-1] == {"free": True}


def test_a_text_that_says_what_is_there_already_is_no_change(opened: Desk) -> None:
    head = opened.store.head()
    opened.ask("metadata_set", values={"energy": "12.4"})
    assert opened.store.head() == head


def test_another_definition_drops_no_key_and_retypes_none(opened: Desk) -> None:
    before = opened.ask("metadata_set", values={"free": 1, "mode": "slow"})
    narrow = MetadataDefinition(
        keys=(MetadataKey(name="energy", type=MetadataType.LIST), MetadataKey(name="new", mandatory=True)),
        undefined="refuse",
    )
    later = redefined(opened, narrow)
    assert later.ask("metadata_show") == before
    after = later.ask("metadata_set", values={"energy": 12.4, "new": "x"})
    assert after == {**before, "new": "x"}
    assert later.refused("metadata_set", values={"other": 1}).code == "UNDEFINED_METADATA"
    assert redefined(opened, MetadataDefinition()).ask("metadata_show") == after


def test_an_archived_session_is_final_for_everybody(opened: Desk) -> None:
    session = opened.session.id
    opened.ask("session_complete")
    opened.ask("session_archive", by=WORKER, session=session, pid="pid/1")
    error = opened.refused("metadata_set", by=STAFF, session=session, values={"mode": "fast"})
    assert error.code == "WRONG_STATE"
    assert opened.ask("metadata_show", session=session) == {"sample": "CeO2", "energy": 12.4}


def test_a_run_s_plan_carries_the_units(opened: Desk) -> None:
    opened.record()
    plan = plan_run(opened.instrument, opened.session, opened.run)
    assert plan.session.units == {"energy": "keV"}
    assert plan.session.metadata == {"sample": "CeO2", "energy": 12.4}
    opened.drain()
