"""Values on their way to JSON: times, errors, events and everything inside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.model import errors
from beamsession.model.clock import from_text, to_text, utc_now
from beamsession.model.errors import BeamsessionError, error_from_json
from beamsession.model.event import Event, chain_hash
from beamsession.model.plain import plain
from beamsession.model.plan import RunKey
from beamsession.model.states import RunState

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001 - zones are drawn


@given(moments)
def test_times_survive_their_text(moment: datetime) -> None:
    text = to_text(moment)
    assert text.endswith("Z")
    assert from_text(text) == moment
    assert from_text(moment.isoformat()) == moment


@given(moments, moments)
def test_times_as_text_sort_as_times(first: datetime, second: datetime) -> None:
    assert (to_text(first) < to_text(second)) == (first < second)


def test_times_without_a_zone_are_nobodys() -> None:
    assert utc_now().tzinfo is UTC
    with pytest.raises(ValueError, match="naive"):
        to_text(datetime(2026, 11, 21))  # noqa: DTZ001 - what is tested
    with pytest.raises(ValueError, match="without zone"):
        from_text("2026-11-21T10:00:00")


def test_everything_a_verb_answers_becomes_json() -> None:
    class Colour(Enum):
        RED = 1

    @dataclass(frozen=True)
    class Inner:
        path: Path
        when: datetime

    value = {
        "dataclass": Inner(Path("/data/x"), datetime(2026, 11, 21, 10, 42, 16, 5, UTC)),
        "model": RunKey(instrument="b", session_id=1, run_number=2),
        "enums": (RunState.LOST, Colour.RED),
        "set": frozenset({1}),
        3: [None, True, 1.5, "Łukasz 2θ"],
    }
    assert plain(value) == {
        "dataclass": {"path": "/data/x", "when": "2026-11-21T10:42:16.000005Z"},
        "model": {"instrument": "b", "session_id": 1, "run_number": 2},
        "enums": ["LOST", 1],
        "set": [1],
        "3": [None, True, 1.5, "Łukasz 2θ"],
    }
    assert json.loads(json.dumps(plain(value))) == plain(value)
    assert type(plain(RunState.LOST)) is str
    with pytest.raises(TypeError, match="bytes has no plain form"):
        plain(b"raw")


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BeamsessionError)]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_their_json(kind: type[BeamsessionError]) -> None:
    error = kind("It broke.", value={"id": 3}, remedy="Mend it.")
    assert str(error) == error.text == "It broke. Mend it."
    back = error_from_json(json.loads(json.dumps(error.as_json())))
    assert type(back) is kind
    assert back.as_json() == error.as_json()


def test_codes_are_stable_and_each_kind_has_its_own() -> None:
    assert len({kind.default_code for kind in KINDS}) == len(KINDS) == 8
    assert errors.WrongStateError("x").code == "WRONG_STATE"
    assert errors.RefusedError("x", code="DISK_FULL").code == "DISK_FULL"
    assert error_from_json({}).code == "INTERNAL_ERROR"
    assert errors.ConflictError("Alone.").text == "Alone."


EVENT = Event(1, datetime(2026, 1, 1, tzinfo=UTC), "b", "session_started", "ana", "user", "cli", 1, None, {"a": 1.5})


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 2},
        {"time": EVENT.time + timedelta(microseconds=1)},
        {"instrument": "c"},
        {"kind": "x"},
        {"principal": "eve"},
        {"role": "staff"},
        {"face": "web"},
        {"session_id": 2},
        {"run_number": 1},
        {"payload": {"a": 1.50001}},
        {"previous": "1" * 64},
    ],
)
def test_nothing_in_an_event_changes_without_its_hash(changes: dict[str, object]) -> None:
    assert chain_hash(replace(EVENT, **changes)) != chain_hash(EVENT)  # type: ignore[arg-type]
    assert chain_hash(replace(EVENT, hash="whatever")) == chain_hash(EVENT)
