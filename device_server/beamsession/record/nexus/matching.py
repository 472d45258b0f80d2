"""The value of a scalar PV at each frame, found by time.

The control system posts a value when it changes, and it stands until the next: the value *held* at a frame's time is
what the PV said when the frame was taken. This is right for a step scan, where the readback rests at the frame, and
late by at most one update for a motor on the move. Joining updates by straight lines is better on the move and wrong
at rest, as the last update before a pause and the first after it would be joined too; time stamps alone do not tell
the two apart. So the held value is the axis, and the interpolated one stands beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]


def held(times: Times, values: Values, frames: Times) -> Values:
    """The last value at or before each frame.

    `times` and `frames` are int64 ns; `times` is sorted. A frame before the first update gets the first value: it is
    the one that stood when the run began, even if the clock that stamped it is ahead. Without values: NaN.
    """
    if not len(times):
        return np.full(len(frames), np.nan)
    before = np.searchsorted(times, frames, side="right") - 1
    return values[np.maximum(before, 0)]


def interpolated(times: Times, values: Values, frames: Times) -> Values:
    """On the straight line between the updates that bracket each frame; held where there is none on one side.

    NaN where one of the two is: the PV was not connected.
    """
    result = held(times, values, frames).copy()
    after = np.searchsorted(times, frames, side="right")
    inside = (after > 0) & (after < len(times))
    late = after[inside]
    early = late - 1
    # Differences first: float64 holds a time since 1970 to some 200 ns only.
    span = (times[late] - times[early]).astype(np.float64)
    part = (frames[inside] - times[early]) / span
    result[inside] = values[early] + part * (values[late] - values[early])
    return result
