"""What is looked at stands for the whole, also when time runs out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from beamsession.quicklook.sampling import sampled
from beamsession.quicklook.series import POINTS, curve_of
from beamsession.quicklook.statistics import numbers_of


@given(count=st.integers(0, 10**6), most=st.integers(1, 500))
def test_frames_are_chosen_once_each_with_both_ends(count: int, most: int) -> None:
    chosen = sampled(count, most)
    assert len(set(chosen)) == len(chosen) == min(count, most)
    assert all(0 <= index < count for index in chosen)
    if min(count, most) > 1:
        assert {0, count - 1} <= set(chosen)


@given(count=st.integers(64, 10**5), part=st.integers(8, 64))
def test_what_was_read_when_time_ran_out_is_spread_over_the_whole(count: int, part: int) -> None:
    read = sorted(sampled(count, 64)[:part])
    gaps = np.diff([0, *read, count])
    assert gaps.max() <= 4 * count / part + 1


@given(
    frame=arrays.arrays(
        np.float64, st.integers(1, 50), elements=st.floats(-1e9, 1e9) | st.just(np.nan) | st.just(np.inf)
    )
)
def test_numbers_are_those_of_the_valid_pixels(frame: np.ndarray) -> None:
    found, valid = numbers_of(frame), frame[np.isfinite(frame)]
    if not valid.size:
        assert np.isnan([found.minimum, found.maximum, found.mean, found.std, found.sum]).all()
        return
    assert (found.minimum, found.maximum) == (valid.min(), valid.max())
    np.testing.assert_allclose([found.mean, found.std], [valid.mean(), valid.std()], rtol=1e-9, atol=1e-5)


def test_moments_of_many_blocks_keep_their_digits() -> None:
    frame = np.random.default_rng(2).normal(1e9, 1, 3_000_000)
    found = numbers_of(frame)
    np.testing.assert_allclose([found.mean, found.std], [frame.mean(), frame.std()], rtol=1e-9)


@settings(max_examples=20)
@given(count=st.integers(1, 5000))
def test_a_curve_has_its_extremes_however_long_it_is(count: int) -> None:
    values = np.sin(np.arange(count) / 7)
    curve = curve_of(values)
    assert len(curve.x) == min(count, POINTS)
    assert (np.nanmin(curve.low), np.nanmax(curve.high)) == (values.min(), values.max())
