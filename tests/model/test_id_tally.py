"""The account of unique ids, against a plain set that remembers everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from beamsession.model.completeness import MAX_GAPS, Completeness, Gap, IdTally, account, verdict
from beamsession.model.states import RunState

ids = st.integers(0, 60) | st.integers(-(2**40), 2**40)
arrivals = st.lists(st.tuples(ids, st.booleans()), max_size=80)


def tally_of(*received: int) -> IdTally:
    tally = IdTally()
    for unique_id in received:
        tally.add(unique_id)
    return tally


@given(arrivals)
def test_the_tally_knows_what_a_set_of_all_ids_knows(arrived: list[tuple[int, bool]]) -> None:
    tally, seen, received, duplicates = IdTally(), set[int](), 0, 0
    for unique_id, gated in arrived:
        if gated:
            tally.skip(unique_id)
        else:
            is_new = unique_id not in seen
            assert tally.add(unique_id) is is_new
            received += is_new
            duplicates += not is_new
        seen.add(unique_id)
    assert (tally.received, tally.duplicates) == (received, duplicates)
    gaps = tally.gaps()
    span = max(seen) - min(seen) + 1 if seen else 0
    assert sum(gap.count for gap in gaps) == span - len(seen)
    assert all(gap.count > 0 and gap.first - 1 in seen and gap.last + 1 in seen for gap in gaps)
    assert not any(gap.first <= unique_id <= gap.last for gap in gaps for unique_id in seen)
    assert [gap.first for gap in gaps] == sorted(gap.first for gap in gaps)


@given(st.lists(ids, unique=True, max_size=40), st.randoms())
def test_the_order_of_arrival_changes_no_gap(wanted: list[int], random: object) -> None:
    shuffled = sorted(wanted, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert tally_of(*shuffled).gaps() == tally_of(*sorted(wanted)).gaps()


def test_a_late_frame_closes_its_gap_and_is_counted_as_disordered() -> None:
    tally = tally_of(10, 11, 14, 12)
    assert (tally.disordered, tally.gaps()) == (1, [Gap(first=13, last=13)])
    tally.add(13)
    assert (tally.disordered, tally.gaps(), tally.received) == (2, [], 5)


def test_the_first_id_begins_the_account() -> None:
    assert account("camera", tally_of(1000, 1001), written=2, expected=None).is_complete


def test_gated_frames_are_not_missing() -> None:
    tally = tally_of(1, 2)
    tally.skip(3)
    tally.add(4)
    found = account("camera", tally, written=3, expected=3)
    assert (found.received, found.missing) == (3, 0)


@given(st.lists(st.lists(ids, unique=True, min_size=1, max_size=20), min_size=1, max_size=4))
def test_ids_that_begin_anew_are_accounted_for_one_after_the_other(series: list[list[int]]) -> None:
    tally = IdTally()
    for number, wanted in enumerate(series):
        if number:
            tally.begin_anew()
        assert not any(tally.has(unique_id) for unique_id in wanted)
        for unique_id in wanted:
            assert tally.add(unique_id)
        assert (tally.first, tally.last) == (min(wanted), max(wanted))
    assert tally.renumbered == len(series) - 1
    assert tally.received == sum(map(len, series))
    assert tally.gaps() == [gap for wanted in series for gap in tally_of(*wanted).gaps()]
    assert tally.lost == sum(gap.count for gap in tally.gaps())
    assert tally.gap_count == len(tally.gaps())


def test_what_the_detector_made_and_did_not_come_is_missing() -> None:
    tally = tally_of(1, 2, 3)
    tally.skip(4)
    assert account("camera", tally, written=3, expected=None, produced=4).missing == 0
    assert account("camera", tally, written=3, expected=None, produced=6).missing == 2
    assert account("camera", tally, written=3, expected=None, produced=2).missing == 0
    assert account("camera", tally, written=3, expected=3, produced=90, declared=3).missing == 0
    _, reason = verdict((account("camera", tally, written=3, expected=None, produced=6),))
    assert reason == "camera: 2 frames missing (the detector made 6, 4 came)"


def test_a_disconnection_is_told_and_a_doubt_is_no_completed_run() -> None:
    whole = account("camera", tally_of(1, 2), written=2, expected=None)
    cut_off = whole.model_copy(update={"disconnections": 2})
    doubtful = cut_off.model_copy(update={"doubt": "frames may be missing: so it is"})
    assert verdict((cut_off,)) == (
        RunState.COMPLETED, "camera: its source disconnected 2 times, no frame is missing"
    )  # fmt: skip
    assert verdict((doubtful,)) == (RunState.INCOMPLETE, "camera: frames may be missing: so it is")
    assert verdict((doubtful.settled(written=2, expected=2),))[0] is RunState.INCOMPLETE
    never_away = doubtful.model_copy(update={"disconnections": 0})
    assert verdict((never_away.settled(written=2, expected=2),))[0] is RunState.COMPLETED
    assert verdict((doubtful.settled(written=2, expected=3),))[0] is RunState.INCOMPLETE


def test_frames_that_found_no_room_are_told_with_the_reason() -> None:
    slow = account("camera", tally_of(1, 2, 3), written=1, expected=None).model_copy(update={"overruns": 2})
    _, reason = verdict((slow,))
    assert reason == ("camera: 2 frames missing, 2 found the memory full, the disk was slower than the detector")


def test_the_same_loss_seen_twice_counts_once() -> None:
    gaps = account("camera", tally_of(1, 2, 5), written=3, expected=None, dropped_by_detector=2)
    silent = account("camera", tally_of(1, 2, 3), written=3, expected=None, dropped_by_detector=4)
    assert (gaps.missing, silent.missing) == (2, 4)


def test_what_was_received_and_not_written_is_missing_too() -> None:
    assert account("camera", tally_of(1, 2, 4), written=1, expected=None).missing == 1 + 2


def test_a_declared_number_finds_frames_lost_at_the_end() -> None:
    assert account("camera", tally_of(1, 2, 3), written=3, expected=5).missing == 2
    assert account("camera", tally_of(1, 2, 3, 4, 5, 6), written=6, expected=5).missing == 0


def test_long_lists_of_gaps_are_cut_but_every_frame_is_counted() -> None:
    found = account("camera", tally_of(*range(0, 4 * MAX_GAPS, 2)), written=2 * MAX_GAPS, expected=None)
    assert (len(found.gaps), found.gaps_cut) == (MAX_GAPS, True)
    assert found.missing == 2 * MAX_GAPS - 1


def test_the_verdict_names_detectors_and_ids() -> None:
    whole = account("whole", tally_of(1, 2), written=2, expected=2)
    holed = account("holed", tally_of(1, 3, 9), written=3, expected=None)
    short = account("short", tally_of(1), written=1, expected=3)
    assert verdict((whole,)) == (RunState.COMPLETED, "")
    assert verdict(()) == (RunState.COMPLETED, "")
    state, reason = verdict((whole, holed, short))
    assert state is RunState.INCOMPLETE
    assert reason == "holed: 6 frames missing (ids 2, 4-8); short: 2 frames missing (1 of 3 declared)"


def test_many_gaps_are_shortened_in_the_reason() -> None:
    _, reason = verdict((account("holed", tally_of(*range(0, 20, 2)), written=10, expected=None),))
    assert reason == "holed: 9 frames missing (ids 1, 3, 5, 7, 9, …)"


def test_an_account_survives_its_json() -> None:
    found = account("camera", tally_of(1, 2, 5, 4), written=4, expected=9, dropped_by_detector=1)
    assert Completeness.model_validate_json(found.model_dump_json()) == found
