"""Readings are matched to frames by time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beamsession.record.nexus.matching import held, interpolated

# Around the present, in ns since the epoch: float64 cannot hold such numbers exactly.
NOW = 1_795_000_000_000_000_000
moments = st.integers(NOW, NOW + 10**12)
updates = st.lists(
    st.tuples(moments, st.floats(-1e6, 1e6)), min_size=1, max_size=20, unique_by=lambda update: update[0]
).map(sorted)
frame_times = st.lists(moments, max_size=20).map(lambda times: np.array(times, np.int64))


def columns(rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)


@given(updates, frame_times)
def test_held_is_the_last_update_not_after_the_frame(rows: list[tuple[int, float]], frames: np.ndarray) -> None:
    result = held(*columns(rows), frames)
    for frame, value in zip(frames, result, strict=True):
        known = [update for update in rows if update[0] <= frame]
        assert value == (known[-1][1] if known else rows[0][1])


@given(updates, frame_times)
def test_interpolated_lies_between_the_bracketing_updates(rows: list[tuple[int, float]], frames: np.ndarray) -> None:
    result = interpolated(*columns(rows), frames)
    for frame, value in zip(frames, result, strict=True):
        bracket = [pair for pair in pairwise(rows) if pair[0][0] <= frame < pair[1][0]]
        if not bracket:
            assert value == (rows[0][1] if frame < rows[0][0] else rows[-1][1])
            continue
        (_, early), (_, late) = bracket[0]
        slack = 1e-9 * max(abs(early), abs(late), 1.0)
        assert min(early, late) - slack <= value <= max(early, late) + slack


@given(updates)
def test_both_give_an_update_its_own_value_at_its_own_time(rows: list[tuple[int, float]]) -> None:
    times, values = columns(rows)
    assert np.array_equal(held(times, values, times), values)
    assert np.array_equal(interpolated(times, values, times), values)


def test_a_motor_at_constant_speed_is_interpolated_exactly() -> None:
    times = NOW + np.arange(11) * 100_000_000
    frames = NOW + np.arange(100) * 10_000_000
    assert np.allclose(interpolated(times, np.linspace(0.0, 1.0, 11), frames), np.arange(100) / 100, atol=1e-9)


def test_in_a_step_scan_each_frame_has_the_position_where_the_motor_rested() -> None:
    moved = NOW + np.array([0, 1_000_000_000, 1_050_000_000, 1_100_000_000, 2_000_000_000, 2_100_000_000])
    positions = np.array([0.0, 0.3, 0.6, 1.0, 1.4, 2.0])
    frames = NOW + np.array([500_000_000, 1_600_000_000, 2_600_000_000])
    assert held(moved, positions, frames).tolist() == [0.0, 1.0, 2.0]


def test_a_frame_while_the_pv_was_gone_has_no_value() -> None:
    times, values = np.array([NOW, NOW + 10, NOW + 20]), np.array([1.0, np.nan, 3.0])
    frames = np.array([NOW + 5, NOW + 15, NOW + 25])
    assert np.isnan(held(times, values, frames)).tolist() == [False, True, False]
    assert np.isnan(interpolated(times, values, frames)).tolist() == [True, True, False]


def test_without_any_update_nothing_is_known() -> None:
    nothing = np.empty(0)
    assert np.isnan(held(nothing.astype(np.int64), nothing, np.array([NOW]))).all()
    assert np.isnan(interpolated(nothing.astype(np.int64), nothing, np.array([NOW]))).all()
