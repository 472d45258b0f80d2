"""Values wait for the disk in bounded memory: what finds no room is counted, and the latest of a PV stays known."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beamsession.record.readings.board import Board, Rows
from beamsession.record.readings.reading import Severity


def values(rows: Rows) -> list[tuple[int, float]]:
    return [(int(row["pv_index"]), float(row["value"])) for row in rows]


def test_a_table_begins_with_the_latest_of_each_pv_that_has_one() -> None:
    board = Board(3, 100)
    board.post(2, 10, 1.0, 0)
    board.post(0, 11, 2.0, 1)
    board.post(2, 12, 3.0, 0)
    assert values(board.begin()) == [(0, 2.0), (2, 3.0)]
    assert board.missing() == [1]


def test_values_come_in_their_order_and_once() -> None:
    board = Board(2, 100)
    board.begin()
    for number in range(5):
        board.post(number % 2, number + 1, number, 0)
    assert values(board.take()) == [(0, 0.0), (1, 1.0), (0, 2.0), (1, 3.0), (0, 4.0)]
    assert values(board.take()) == []
    board.end()
    assert values(board.begin()) == [(0, 4.0), (1, 3.0)]


def test_a_value_without_a_stamp_gets_one_and_a_lost_pv_is_invalid() -> None:
    board = Board(1, 100)
    board.begin()
    board.post(0, 0, 1.0, 0)
    board.lose(0)
    board.lose(0)
    rows = board.take().copy()
    assert rows["time"][0] > 1.6e18
    assert np.isnan(rows["value"][1])
    assert rows["severity"].tolist() == [0, Severity.INVALID]
    assert board.missing() == [0]


def test_what_finds_no_room_is_counted_and_is_the_latest_all_the_same() -> None:
    board = Board(2, 8)
    board.begin()
    for number in range(10):
        board.post(0, number + 1, number, 0)
    board.post(1, 99, 7.0, 2)
    assert values(board.take()) == [(0, float(number)) for number in range(4)]
    assert board.lost().tolist() == [6, 1]
    board.post(0, 100, 42.0, 0)
    assert values(board.take()) == [(0, 42.0)]
    board.end()
    assert values(board.begin()) == [(0, 42.0), (1, 7.0)]
    assert board.lost().tolist() == [0, 0]


POSTS = st.lists(st.one_of(st.tuples(st.integers(0, 3), st.floats(-9, 9)), st.just("take")), max_size=60)


@given(POSTS, st.integers(2, 12))
def test_every_value_is_in_the_table_or_counted_as_lost(posts: list[tuple[int, float] | str], most: int) -> None:
    board = Board(4, most)
    board.begin()
    table: list[tuple[int, float]] = []
    latest: dict[int, float] = {}
    for number, post in enumerate(posts, start=1):
        if isinstance(post, str):
            table += values(board.take())
        else:
            board.post(post[0], number, post[1], 0)
            latest[post[0]] = post[1]
    table += values(board.take())
    posted = sum(not isinstance(post, str) for post in posts)
    assert len(table) + board.lost().sum() == posted
    board.end()
    assert dict(values(board.begin())) == latest
