"""Whether an absence of a source is told: only the detector's own numbers can tell that nothing was lost."""

from __future__ import annotations

import pytest

from beamsession.record.absence import Absences
from beamsession.record.sources.source import Connection

THERE = Connection(present=True, losses=0)
AWAY = Connection(present=False, losses=1)
BACK = Connection(present=True, losses=1)


@pytest.mark.parametrize(
    ("numbered", "next_id", "told"), [(True, 6, 0), (True, 7, 1), (True, 1, 1), (False, 6, 1)], ids=str
)
def test_the_next_frame_tells_whether_one_was_lost(numbered: bool, next_id: int, told: int) -> None:
    absences = Absences(numbered=numbered)
    absences.begin(THERE)
    assert absences.look(AWAY, 5, recording=True)
    assert absences.sentences() == ("its source went away and has not come back",)
    assert absences.look(BACK, 5, recording=True)
    absences.end(next_id)
    assert len(absences.sentences()) == told


def test_an_absence_between_two_looks_is_noticed() -> None:
    absences = Absences(numbered=True)
    absences.begin(THERE)
    absences.look(BACK, 5, recording=True)
    assert absences.sentences() == ("its source was away for 0.1 s",)


def test_an_absence_before_the_first_frame_is_told() -> None:
    absences = Absences(numbered=True)
    absences.begin(AWAY)
    absences.look(BACK, None, recording=True)
    absences.end(1)
    assert len(absences.sentences()) == 1


def test_an_absence_within_a_pause_is_nothing_and_one_that_outlasts_it_is_told() -> None:
    absences = Absences(numbered=False)
    absences.begin(THERE)
    absences.look(AWAY, 5, recording=False)
    absences.look(BACK, 5, recording=False)
    assert absences.sentences() == ()
    absences.look(Connection(present=False, losses=2), 5, recording=False)
    absences.look(Connection(present=False, losses=2), 5, recording=True)
    assert len(absences.sentences()) == 1


def test_many_absences_are_counted_and_not_all_told() -> None:
    absences = Absences(numbered=False)
    absences.begin(THERE)
    for number in range(1, 31):
        absences.look(Connection(present=True, losses=number), number, recording=True)
        absences.end(number)
    assert len(absences.sentences()) == 21
    assert absences.sentences()[-1] == "and 10 times more"
