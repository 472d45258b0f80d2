"""Refusals are logged, but never so many or so large that they do harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beamsession.model.event import Refusal
from beamsession.store import Store, refusals

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFUSAL = Refusal(
    time=NOON,
    instrument="beamline",
    verb="start",
    principal="Łukasz",
    face="tango",
    code="WRONG_STATE",
    sentence="A run is open.",
    arguments='{"name": "2θ"}',
)


def test_refusals_are_read_newest_first_and_outside_the_chain(store: Store) -> None:
    later = replace(REFUSAL, time=NOON + timedelta(seconds=1), verb="pause")
    assert store.record_refusal(REFUSAL)
    assert store.record_refusal(later)
    assert store.record_refusal(replace(REFUSAL, instrument="other"))
    assert store.refusals(instrument="beamline") == [later, REFUSAL]
    assert store.refusals(instrument="beamline", limit=1) == [later]
    assert store.head()[0] == 0


def test_a_flood_is_capped_for_its_instrument_until_a_minute_has_passed(store: Store) -> None:
    noted = [store.record_refusal(replace(REFUSAL, verb=str(number))) for number in range(105)]
    assert noted == [True] * 100 + [False] * 5
    assert store.record_refusal(replace(REFUSAL, instrument="other"))
    assert not store.record_refusal(replace(REFUSAL, time=NOON + timedelta(seconds=59)))
    assert store.record_refusal(replace(REFUSAL, time=NOON + timedelta(seconds=60)))
    assert len(store.refusals(instrument="beamline", limit=1000)) == 101


def test_long_and_strange_text_is_cut_and_mended(store: Store) -> None:
    assert store.record_refusal(replace(REFUSAL, arguments="θ" * 5000, sentence="\x00\ud800" + "x" * 9000))
    kept = store.refusals(instrument="beamline")[0]
    assert len(kept.arguments.encode()) <= 2048
    assert kept.arguments.endswith("…")
    assert len(kept.sentence.encode()) <= 502
    assert "\x00" not in kept.sentence


def test_only_the_newest_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "KEPT", 3)
    for number in range(5):
        store.record_refusal(replace(REFUSAL, verb=str(number)))
    assert [kept.verb for kept in store.refusals(instrument="beamline")] == ["4", "3", "2"]
