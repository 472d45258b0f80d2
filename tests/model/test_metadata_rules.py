"""Metadata: any JSON object passes unchanged, whatever could not be carried everywhere is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata import MAX_BYTES, MAX_DEPTH, check_metadata

keys = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(st.dictionaries(keys, values, max_size=4))
def test_json_objects_are_stored_as_they_are(data: dict[str, Any]) -> None:
    assert check_metadata(data) is data
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ([1], "object"),
        ("text", "object"),
        (None, "object"),
        ({"a": {"b": [1, float("nan")]}}, "metadata.a.b[1]"),
        ({"a": float("-inf")}, "metadata.a"),
        ({"a": {"b": object()}}, "metadata.a.b"),
        ({"a": b"bytes"}, "type bytes"),
        ({"": 1}, "key"),
        ({" ": 1}, "key"),
        ({"a": {"line\nbreak": 1}}, "metadata.a has a key"),
        ({"k" * 101: 1}, "longer than 100"),
        ({1: 1}, "key"),
        ({"a": "x" * MAX_BYTES}, "larger than 1 MB"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_its_place(data: Any, place: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        check_metadata(data)
    assert refusal.value.code == "BAD_METADATA"
    assert place in refusal.value.sentence
    assert refusal.value.remedy


def test_depth_is_limited() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"deeper": nested(depth - 1)} if depth else {}

    check_metadata(nested(MAX_DEPTH))
    with pytest.raises(InvalidInputError, match="nested deeper"):
        check_metadata(nested(MAX_DEPTH + 1))
