"""Metadata keep their types, and their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.definition import MetadataDefinition, MetadataKey
from beamsession.model.metadata_type import MetadataType
from beamsession.record.recorder import Recorder
from verb_desk import Desk, open_desk

TYPES = (MetadataType.INTEGER, MetadataType.DOUBLE, MetadataType.BOOLEAN, MetadataType.LIST, MetadataType.MAP)
DEFINITION = MetadataDefinition(
    keys=(
        *(MetadataKey(name=kind.value, type=kind) for kind in TYPES),
        MetadataKey(name="energy", type=MetadataType.DOUBLE, units="keV"),
        MetadataKey(name="mode", choices=("fast", "slow")),
        MetadataKey(name="sample", mandatory=True),
    )
)


@pytest.fixture
def defined(tmp_path: Path, recorder: Recorder) -> Iterator[Desk]:
    """A desk whose beamline has a definition, with an open session."""
    with open_desk(tmp_path, recorder, definition=DEFINITION) as desk:
        desk.ask("session_start", metadata={"sample": "CeO2"})
        yield desk


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Integer", "abc"),
        ("Integer", ""),
        ("Integer", 3.7),
        ("Double", "abc"),
        ("List", {"a": 1}),
        ("List", "[1"),
        ("Map", [1]),
    ],
)
def test_a_value_that_does_not_parse_is_refused(defined: Desk, key: str, value: Any) -> None:
    """Elsewhere it was kept as it was, silently."""
    error = defined.refused("metadata_set", values={key: value})
    assert key in error.sentence
    assert defined.ask("metadata_show") == {"sample": "CeO2"}


@pytest.mark.parametrize("value", ["yes", "1", 1, "maybe"])
def test_what_is_neither_true_nor_false_is_no_boolean(defined: Desk, value: Any) -> None:
    """Elsewhere anything but `true` was false."""
    assert "Boolean" in defined.refused("metadata_set", values={"Boolean": value}).sentence


@pytest.mark.parametrize("value", [5, 2.5, True, [1, 2], {"k": 1}, "5"])
def test_a_key_that_is_not_defined_keeps_the_type_of_its_value(defined: Desk, value: Any) -> None:
    """Elsewhere it became text, lists and maps in a form that nothing reads."""
    defined.ask("metadata_set", values={"undefined": value})
    assert repr(defined.ask("metadata_show")["undefined"]) == repr(value)


def test_another_definition_takes_no_key_away(defined: Desk) -> None:
    """Elsewhere keys that were not in the new definition were deleted from the open session."""
    before = defined.ask("metadata_set", values={"Integer": 5, "undefined": "kept"})
    empty = defined.instrument.model_copy(update={"definition": MetadataDefinition()})
    desk = replace(defined, instrument=empty)
    assert desk.ask("metadata_show") == before
    assert desk.ask("metadata_set", values={"new": 1}) == {**before, "new": 1}


def test_one_key_that_is_set_leaves_the_others_as_they_are(defined: Desk) -> None:
    """Elsewhere the whole object was typed anew at each write."""
    loose = defined.instrument.model_copy(update={"definition": MetadataDefinition()})
    replace(defined, instrument=loose).ask("metadata_set", values={"Integer": "not typed yet"})
    assert defined.ask("metadata_set", values={"Double": "2.5"})["Integer"] == "not typed yet"


@pytest.mark.parametrize("values", [{"mode": "medium"}, {"sample": None}, {"sample": " "}])
def test_choices_and_mandatory_keys_are_held(defined: Desk, values: dict[str, Any]) -> None:
    """Elsewhere there were neither."""
    defined.refused("metadata_set", values=values)
    assert defined.ask("metadata_show") == {"sample": "CeO2"}


def test_a_definition_has_units(defined: Desk) -> None:
    """Elsewhere a number had none."""
    told = {key["name"]: key["units"] for key in defined.ask("metadata_definition")}
    assert (told["energy"], told["mode"]) == ("keV", "")
