"""The account of a file that somebody else has filled, from its ids and what the IOC counted."""

from __future__ import annotations

from beamsession.model.completeness import Gap
from beamsession.record.external.counters import Counters
from beamsession.record.salvage import Salvaged


def test_ids_that_jump_in_a_pause_are_left_out_at_once() -> None:
    ids = (1, 2, 4, 10**15, 10**15 + 1, 10**15 + 3)
    account = Counters().final("cam", None, Salvaged(ids=ids), [3], all_are_ours=False)
    assert account.skipped == 10**15 - 5
    assert (account.written, account.lost, account.missing) == (6, 2, 2)
    assert account.gaps == (Gap(first=3, last=3), Gap(first=10**15 + 2, last=10**15 + 2))


def test_ids_that_came_out_of_order_around_pauses_count_once() -> None:
    ids = (1, 5, 3, 9, 4, 20, 30)
    account = Counters().final("cam", None, Salvaged(ids=ids), [3, 6], all_are_ours=False)
    # 4, 6, 7 and 8 passed in the first pause, 21 to 29 in the second; 2 and 10 to 19 never came.
    assert account.skipped == 4 + 9
    assert account.gaps == (Gap(first=2, last=2), Gap(first=10, last=19))
    assert (account.duplicates, account.lost) == (1, 11)
