"""The search for the highest rate without loss finds it, whatever it is."""

from __future__ import annotations

import itertools

import pytest

from ladder import Attempt, Search

TOP = 1000.0


def searched(limit: float, begin: float = TOP, upsets: int = 0) -> tuple[Search, int]:
    """A search where frames are lost beyond `limit`, and at every `upsets`-th try besides; how many tries it took."""
    tries = itertools.count(1)
    number = 0

    def attempt(rate: float) -> Attempt:
        nonlocal number
        number = next(tries)
        made = rate or TOP
        return Attempt(made, came=made <= limit and not (upsets and number % upsets == 0))

    search = Search(attempt, TOP, begin)
    while not search.ended:
        search.step()
    return search, number


@pytest.mark.parametrize("begin", [1000.0, 400.0, 20.0, 0.0])
@pytest.mark.parametrize("limit", [1000.0, 999.0, 950.0, 720.0, 500.0, 333.0, 100.0, 55.0])
def test_the_rate_found_is_a_tenth_too_low_at_most(limit: float, begin: float) -> None:
    search, tries = searched(limit, begin)
    assert limit / 1.1 <= search.highest <= limit
    assert search.shortfall == ""
    assert tries <= 26


@pytest.mark.parametrize("limit", [1000.0, 720.0, 100.0])
def test_one_loss_in_three_tries_changes_nothing(limit: float) -> None:
    assert searched(limit, upsets=3)[0].highest == searched(limit)[0].highest


def test_no_rate_at_all_is_said() -> None:
    search, _ = searched(1.0)
    assert (search.highest, search.shortfall) == (
        0.0,
        "no rate without loss found, down to 10 frames/s",
    )


def test_a_search_that_was_broken_off_says_so() -> None:
    search = Search(lambda rate: Attempt(rate or TOP, came=bool(rate) and rate < 700), TOP, TOP)
    for _ in range(4):
        search.step()
    assert 0.0 < search.highest < 700.0
    assert search.shortfall.startswith("out of time, the value may be too low; lost at ")
