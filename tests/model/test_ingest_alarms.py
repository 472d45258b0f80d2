"""What is told of ingests as alarms: which one, why, what to do; and never so that a run cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.model.alarms import Facts, Severity, alarms, device_state
from beamsession.model.clock import utc_now
from beamsession.model.instrument import Instrument
from beamsession.model.plan import InstrumentFacts
from beamsession.model.session import Ingest
from beamsession.model.states import DeviceState, IngestState

INSTRUMENT = Instrument(facts=InstrumentFacts(name="b1"), data_root=Path("/data"), ingest_alarm_age_h=24)
HOUR = 3600


def parked(detail: str) -> Ingest:
    return Ingest(7, IngestState.PARKED, utc_now(), detail=detail)


def test_the_oldest_that_is_parked_is_named_with_the_reason() -> None:
    found = alarms(INSTRUMENT, Facts(None, None, None, ingest_parked=3, parked_first=parked("No owner group.")))
    (alarm,) = found
    assert (alarm.code, alarm.severity, alarm.blocks) == ("INGEST_PARKED", Severity.MINOR, False)
    assert alarm.sentence == (
        "Session 7 waits for a person before it can go to the catalogue: No owner group. "
        "2 more wait too: list them with ListIngests."
    )


def test_a_long_reason_is_cut() -> None:
    (alarm,) = alarms(INSTRUMENT, Facts(None, None, None, ingest_parked=1, parked_first=parked("x" * 5000)))
    assert len(alarm.sentence) < 500


@pytest.mark.parametrize(("age", "told"), [(23.9 * HOUR, ""), (24 * HOUR, "24 h"), (90 * HOUR, "4 days")])
def test_only_age_makes_an_alarm_of_one_that_waits(age: float, told: str) -> None:
    oldest = Ingest(9, IngestState.PENDING, utc_now(), step="dataset", detail="Waiting: it is down.")
    facts = Facts(None, None, None, ingest_oldest=oldest, ingest_age_s=int(age))
    found = alarms(INSTRUMENT, facts)
    assert [alarm.code for alarm in found] == (["INGEST_OLD"] if told else [])
    if told:
        assert told in found[0].sentence
        assert "Waiting: it is down." in found[0].sentence
        assert found[0].severity is Severity.MINOR
    assert device_state(facts, found, session_open=True, fault="", starting=False) is DeviceState.ON
