"""Text and errors survive Tango: readable in Latin-1, exact in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tango
from hypothesis import given
from hypothesis import strategies as st

from beamsession.faces.tango.text import from_tango, raise_tango, to_json, to_tango
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.plan import RunKey


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("Łukasz 2θ", "Lukasz 2theta"),
        ("Müller, 20 °C, ½ µm", "Müller, 20 °C, ½ µm"),
        ("Dvořák Şule Ωmega", "Dvorák Sule Omegamega"),
        ("a – b … “c” ‘d’", "a - b ... \"c\" 'd'"),
        ("cut\0here", "cuthere"),
        ("光", "?"),
        ("", ""),
    ],
)
def test_signs_that_tango_lacks_are_spelt_out(text: str, carried: str) -> None:
    assert to_tango(text) == carried


@given(st.text())
def test_any_text_can_be_carried(text: str) -> None:
    assert b"\0" not in to_tango(text).encode("latin-1")


@given(st.text(st.characters(max_codepoint=255, min_codepoint=1)))
def test_latin_1_is_left_as_it_is(text: str) -> None:
    assert to_tango(text) == text


@given(st.text(), st.text(), st.text())
def test_an_error_arrives_exactly_as_it_was(sentence: str, value: str, remedy: str) -> None:
    error = RefusedError(sentence, code="RECORDER_BUSY", value=value, remedy=remedy)
    with pytest.raises(tango.DevFailed) as failure:
        raise_tango(error)
    restored = from_tango(failure.value)
    assert restored is not None
    assert type(restored) is RefusedError
    assert restored.as_json() == error.as_json()


def test_a_value_that_json_lacks_is_told_as_text() -> None:
    with pytest.raises(tango.DevFailed) as failure:
        raise_tango(BeamsessionError("It broke.", value=Path("/data/x")))
    restored = from_tango(failure.value)
    assert restored is not None
    assert restored.value == "/data/x"


def test_a_failure_that_is_none_of_ours_is_not_restored() -> None:
    with pytest.raises(tango.DevFailed) as failure:
        tango.Except.throw_exception("API_CommandNotFound", "no such command", "somewhere")
    assert from_tango(failure.value) is None


def test_json_is_ascii_and_brings_back_models_exactly() -> None:
    key = RunKey(instrument="Łódź 2θ", session_id=1, run_number=2)
    text = to_json({"keys": [key]})
    assert text.isascii()
    assert RunKey(**json.loads(text)["keys"][0]) == key
