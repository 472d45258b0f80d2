"""The metadata definition: every value gets its type or is refused with the reason, and nothing given is altered."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamsession.model.definition import MetadataDefinition, MetadataKey
from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata_type import MetadataType, typed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PYTHON = {"String": str, "Integer": int, "Double": float, "Boolean": bool, "List": list, "Map": dict}


def define(*keys: dict[str, Any], **rules: Any) -> MetadataDefinition:
    return MetadataDefinition(keys=tuple(MetadataKey(**key) for key in keys), **rules)


def refused(definition: MetadataDefinition, values: dict[str, Any] | None) -> InvalidInputError:
    """The error of a start with `values`."""
    with pytest.raises(InvalidInputError) as caught:
        definition.at_start(values)
    return caught.value


ENERGY = {"name": "energy", "type": "Double", "default": 12.4, "units": "keV"}
SAMPLE = {"name": "sample", "mandatory": True}
MODE = {"name": "mode", "choices": ["fast", "slow"]}


@pytest.mark.parametrize(
    ("kind", "given_value", "value"),
    [
        ("String", " text ", " text "),
        ("String", 5, "5"),
        ("String", 2.5, "2.5"),
        ("String", True, "true"),
        ("Integer", "-12", -12),
        ("Integer", " +7 ", 7),
        ("Integer", 5.0, 5),
        ("Integer", str(2**63 - 1), 2**63 - 1),
        ("Double", "1e-3", 0.001),
        ("Double", ".5", 0.5),
        ("Double", 5, 5.0),
        ("Boolean", "TRUE", True),
        ("Boolean", " false", False),
        ("List", "[1, [2]]", [1, [2]]),
        ("Map", '{"a": null}', {"a": None}),
        ("Double", {"value": "12", "unit": "keV"}, {"value": 12.0, "unit": "keV"}),
        ("Integer", {"value": 3.0, "units": "mm"}, {"value": 3, "units": "mm"}),
        ("List", {"value": "[1, 2]", "unit": "mm"}, {"value": [1, 2], "unit": "mm"}),
        ("Map", {"value": "12", "unit": "keV"}, {"value": "12", "unit": "keV"}),
    ],
)
def test_a_value_gets_the_type_of_its_key(kind: str, given_value: Any, value: Any) -> None:
    made = typed(MetadataType(kind), given_value)
    assert (made, type(made)) == (value, type(value))
    assert json.dumps(made) == json.dumps(value)


@pytest.mark.parametrize(
    ("kind", "given_value", "reason"),
    [
        ("String", [1], "is no text"),
        ("String", {"value": "a", "unit": "m"}, "is no text"),
        ("Integer", True, "is no integer"),
        ("Integer", 3.7, "is no integer"),
        ("Integer", "5.0", "is no integer"),
        ("Integer", "1_000", "is no integer"),
        ("Integer", "٣", "is no integer"),
        ("Integer", str(2**63), "does not fit into 64 bits"),
        ("Integer", 1e30, "does not fit into 64 bits"),
        ("Integer", "9" * 5000, "is no integer"),
        ("Double", "abc", "is no number"),
        ("Double", "nan", "is no number"),
        ("Double", True, "is no number"),
        ("Double", "1e999", "is no finite number"),
        ("Double", 10**400, "is no finite number"),
        ("Double", {"value": "x", "unit": "keV"}, "is no number"),
        ("Double", {"value": 1, "unit": 5}, "is no number"),
        ("Double", {"value": {"value": 1, "unit": "m"}, "unit": "m"}, "is no number"),
        ("Boolean", 1, "is neither true nor false"),
        ("Boolean", "yes", "is neither true nor false"),
        ("List", {"a": 1}, "is no list"),
        ("List", "1, 2", "is not the JSON text of a list"),
        ("List", "[NaN]", "is not the JSON text of a list"),
        ("List", "[" * 100_000, "is not the JSON text of a list"),
        ("Map", "[1]", "is no map"),
        ("Integer", "", "is empty: leave it out, or set null"),
        ("Double", " ", "is empty: leave it out, or set null"),
        ("Boolean", "", "is empty: leave it out, or set null"),
        ("List", "", "is empty: leave it out, or set null"),
        ("Map", "\t", "is empty: leave it out, or set null"),
    ],
)
def test_what_has_another_type_is_refused_with_the_reason(kind: str, given_value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        typed(MetadataType(kind), given_value)


@given(st.sampled_from(MetadataType), JSON)
def test_whatever_is_accepted_is_of_the_type_and_is_accepted_again_unchanged(kind: MetadataType, value: Any) -> None:
    try:
        made = typed(kind, value)
    except ValueError:
        return
    is_pair = kind.is_measurable and isinstance(made, dict)
    assert type(made["value"] if is_pair else made) is PYTHON[kind.value]
    assert json.dumps(typed(kind, made)) == json.dumps(made)


def test_every_faulty_key_is_named_in_one_error_with_type_and_example() -> None:
    definition = define(ENERGY, {"name": "count", "type": "Integer"}, MODE, SAMPLE)
    error = refused(definition, {"energy": "abc", "count": 3.7, "mode": "brisk", "good": 1})
    assert error.code == "BAD_METADATA_VALUE"
    assert error.sentence == (
        "Metadata: 'energy' is Double, and 'abc' is no number (for example 12.4); "
        "'count' is Integer, and 3.7 is no integer (for example 25); "
        "'mode' is String, and 'brisk' is not one of 'fast', 'slow' (for example fast); "
        "'sample' (String) is mandatory."
    )
    assert error.value == {"energy": "'abc'", "count": "3.7", "mode": "'brisk'", "sample": None}
    assert "set to null" in error.remedy
    assert "mandatory" in error.remedy
    json.dumps(error.as_json())


def test_thousands_of_faulty_keys_make_a_short_error() -> None:
    error = refused(define(undefined="refuse"), {f"key{number}": "x" * 1000 for number in range(900)})
    assert error.sentence.endswith("; and 880 more.")
    assert len(json.dumps(error.as_json())) < 5000


def test_without_metadata_a_session_gets_all_defaults_typed_and_in_order() -> None:
    definition = define(
        {"name": "b", "type": "List", "default": "[1]"},
        {"name": "text"},
        {"name": "none", "type": "Integer"},
        {"name": "a", "type": "Boolean", "default": "True"},
    )
    assert json.dumps(definition.at_start(None)) == '{"b": [1], "text": "", "a": true}'
    assert definition.at_start({}) == {}


def test_with_metadata_a_session_gets_only_them_and_the_defaults_of_mandatory_keys() -> None:
    definition = define(ENERGY, MODE, {"name": "beam", "default": "x-rays", "mandatory": True})
    assert definition.at_start({"mode": "fast"}) == {"mode": "fast", "beam": "x-rays"}
    assert definition.at_start({"energy": None, "beam": None, "other": None}) == {"beam": "x-rays", "other": None}


def test_a_session_s_metadata_are_not_the_definition_s_own_list() -> None:
    definition = define({"name": "filters", "type": "List", "default": []})
    definition.at_start(None)["filters"].append(1)
    assert definition.at_start(None) == {"filters": []}


@given(st.dictionaries(st.sampled_from(["energy", "mode", "sample", "free"]), JSON))
def test_what_the_caller_gave_is_never_altered(values: dict[str, Any]) -> None:
    before = deepcopy(values)
    for definition in (define(ENERGY, MODE, SAMPLE), define(ENERGY, MODE, SAMPLE, strict=False)):
        with suppress(InvalidInputError):
            definition.at_start(values)
        with suppress(InvalidInputError):
            definition.checked(values, old={"mode": "slow"})
        assert json.dumps(values) == json.dumps(before)


@pytest.mark.parametrize("values", [None, {}, {"mode": "fast"}, {"sample": None}, {"sample": ""}, {"sample": "  "}])
def test_a_session_without_its_mandatory_key_is_refused(values: dict[str, Any] | None) -> None:
    error = refused(define(SAMPLE, MODE), values)
    assert error.code == "MANDATORY_METADATA"
    assert "'sample' (String) is mandatory" in error.sentence


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_mandatory_key_cannot_be_removed_or_made_blank(value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"'sample' .* cannot be blank") as caught:
        define(SAMPLE).checked({"sample": value}, old={"sample": "CeO2"})
    assert caught.value.code == "MANDATORY_METADATA"


def test_a_session_older_than_the_definition_can_still_be_edited() -> None:
    definition = define(SAMPLE, ENERGY, MODE, undefined="refuse")
    old = {"energy": "bent", "mode": "brisk", "gone": 1}
    assert definition.checked({"mode": "fast"}, old=old) == {"mode": "fast"}
    assert definition.checked({**old, "mode": "slow"}, old=old) == {**old, "mode": "slow"}
    assert definition.checked({"gone": None}, old=old) == {"gone": None}
    for values in ({"energy": "crooked"}, {"gone": 2}, {"gone": 1.0}, {"gone": True}):
        with pytest.raises(InvalidInputError):
            definition.checked(values, old=old)


def test_undefined_keys_keep_their_json_type() -> None:
    values = {"i": 5, "f": 5.0, "t": True, "n": None, "l": [1], "m": {"a": 1}, "s": "5"}
    assert json.dumps(define(ENERGY).at_start(values)) == json.dumps(values)
    assert json.dumps(MetadataDefinition().checked(values, old={})) == json.dumps(values)


def test_where_undefined_keys_are_refused_the_nearest_defined_one_is_named() -> None:
    error = refused(define(ENERGY, MODE, undefined="refuse"), {"enregy": 12, "xyz": 1})
    assert error.code == "UNDEFINED_METADATA"
    assert error.sentence == "Metadata: 'enregy' is not defined (did you mean 'energy'?); 'xyz' is not defined."


def test_a_definition_that_is_not_strict_keeps_what_does_not_fit_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    definition = define(ENERGY, MODE, SAMPLE, strict=False)
    with caplog.at_level(logging.WARNING):
        assert definition.at_start({"energy": "abc", "mode": "brisk"}) == {"energy": "abc", "mode": "brisk"}
    assert [record.getMessage().partition(":")[2][:10] for record in caplog.records] == [
        " 'energy' ",
        " 'mode' is",
        " 'sample' ",
    ]
    assert definition.at_start({"energy": "12"}) == {"energy": 12.0}
    assert definition.checked({"sample": None}, old={"sample": "CeO2"}) == {"sample": None}
    assert refused(define(strict=False, undefined="refuse"), {"a": 1}).code == "UNDEFINED_METADATA"


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (12.4, True),
        ("12.4", True),
        ({"value": 12.4, "unit": "keV"}, True),
        ({"value": 12.4, "unit": "eV"}, False),
        ({"value": 13, "unit": "keV"}, False),
        (13, False),
    ],
)
def test_a_quantity_is_a_choice_only_in_the_key_s_own_units(value: Any, accepted: bool) -> None:
    definition = define({**ENERGY, "choices": ["8.0", 12.4]})
    if accepted:
        assert definition.at_start({"energy": value})
    else:
        assert "not one of 8.0, 12.4" in refused(definition, {"energy": value}).sentence


def test_a_blank_text_is_accepted_where_there_are_choices_and_nothing_is_mandatory() -> None:
    assert define(MODE).at_start({"mode": ""}) == {"mode": ""}


def test_the_text_of_a_default_is_the_one_that_was_written() -> None:
    definition = define(
        {"name": "as_written", "type": "Double", "default": "12.40"},
        {"name": "flag", "type": "Boolean", "default": True},
        {"name": "list", "type": "List", "default": [1, "ä"]},
        {"name": "none", "type": "Integer"},
    )
    texts = {name: definition.default_text(name) for name in (*definition.names, "undefined")}
    assert texts == {"as_written": "12.40", "flag": "true", "list": '[1, "ä"]', "none": "", "undefined": ""}
    assert definition.typed_defaults()["as_written"] == 12.4


def test_types_and_units_are_told_by_key() -> None:
    definition = define(ENERGY, MODE)
    assert definition.names == ("energy", "mode")
    assert [definition.type_of(name).value for name in ("energy", "mode", "undefined")] == [
        "Double",
        "String",
        "String",
    ]
    assert definition.units_of() == {"energy": "keV"}


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ({"name": "a", "type": "Integer", "default": "x"}, "of 'a' the default 'x' is no integer, the type is Integer"),
        ({"name": "a", "type": "List", "default": [float("nan")]}, "cannot be stored"),
        ({"name": "a", "choices": [[1]]}, "of 'a' the choice [1] is no text"),
        ({"name": "a", "choices": ["x"], "default": "y"}, "of 'a' the default 'y' is not one of 'x'"),
        ({"name": "a", "units": "mm"}, "'a' is String and cannot have units"),
        ({"name": "a", "type": "Float"}, "Input should be 'String'"),
        ({"name": " "}, "must be printable, not blank"),
        ({"name": "a\n"}, "must be printable, not blank"),
    ],
)
def test_a_key_that_contradicts_itself_cannot_be_defined(key: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MetadataKey(**key)
    assert complaint in str(caught.value)


def test_a_key_cannot_be_defined_twice() -> None:
    with pytest.raises(ValidationError, match="'mode' is defined twice"):
        define(MODE, ENERGY, MODE)
