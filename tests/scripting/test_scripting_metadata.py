"""Metadata from a script: typed values, the beamline's keys, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_cancel,
    session_complete,
    session_get_metadata,
    session_get_metadata_default,
    session_get_metadata_keys,
    session_get_metadata_type,
    session_set_metadata,
    session_start,
)

pytestmark = pytest.mark.usefixtures("rig")


def test_a_value_is_set_typed_and_removed_again() -> None:
    session_start("metadata", {})
    session_set_metadata("energy", "7.1")
    session_set_metadata("beam_on", "False")
    assert (session_get_metadata()["energy"], session_get_metadata()["beam_on"]) == (7.1, False)

    session_set_metadata("energy", None)
    session_set_metadata("never set", None)
    assert "energy" not in session_get_metadata()


def test_an_undefined_key_keeps_the_type_of_its_value() -> None:
    session_start("metadata")
    session_set_metadata("own", {"list": [1, 2.5, "a"], "flag": True})

    assert session_get_metadata()["own"] == {"list": [1, 2.5, "a"], "flag": True}


def test_none_at_the_start_leaves_a_defined_key_out_and_texts_keep_their_blanks() -> None:
    session_start("metadata", {"sample": None, "energy": " 7.1 ", "own": None, "note": " as it is "})

    assert session_get_metadata() == {"energy": 7.1, "own": None, "note": " as it is "}


def test_a_value_that_does_not_fit_is_refused_and_nothing_is_changed() -> None:
    session_start("metadata")
    before = session_get_metadata()

    with pytest.raises(BeamsessionError, match="energy"):
        session_set_metadata("energy", "abc")
    assert session_get_metadata() == before


def test_arrays_and_times_arrive_as_lists_numbers_and_text() -> None:
    session_start("arrays", {"matrix": np.eye(2), "count": np.int64(5), "mean": np.float32(0.5)})
    session_set_metadata("when", datetime(2026, 11, 21, 12, tzinfo=UTC))

    found = session_get_metadata()
    assert found["matrix"] == [[1.0, 0.0], [0.0, 1.0]]
    assert (found["count"], found["mean"]) == (5, 0.5)
    assert found["when"] == "2026-11-21T12:00:00.000000Z"


@pytest.mark.parametrize("value", [object(), {1: "a"}, {"a": {1, 2}}, float("nan")])
def test_what_cannot_be_stored_is_refused(value: object) -> None:
    session_start("metadata")

    with pytest.raises(BeamsessionError) as refused:
        session_set_metadata("key", value)
    assert refused.value.code == "BAD_METADATA"


def test_metadata_of_a_completed_session_can_be_changed_by_its_id() -> None:
    number = session_start("metadata")
    session_complete()
    session_set_metadata("sample", "later", number)

    assert session_get_metadata(number)["sample"] == "later"


def test_metadata_of_a_cancelled_session_are_final_and_without_a_session_there_are_none() -> None:
    number = session_start("metadata")
    session_cancel()

    for id_or_none in (number, None):
        with pytest.raises(BeamsessionError):
            session_set_metadata("sample", "later", id_or_none)


def test_the_keys_of_the_definition_are_told_in_its_order() -> None:
    assert session_get_metadata_keys() == ["sample", "energy", "exposures", "beam_on", "counts"]


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("sample", "String", ""),
        ("energy", "Double", "12.4"),
        ("exposures", "List", "[1, 2]"),
        ("beam_on", "Boolean", "true"),
        ("counts", "Integer", ""),
        ("never defined", "String", ""),
    ],
)
def test_a_key_has_a_type_and_a_default_in_text(key: str, kind: str, default: str) -> None:
    assert (session_get_metadata_type(key), session_get_metadata_default(key)) == (kind, default)
