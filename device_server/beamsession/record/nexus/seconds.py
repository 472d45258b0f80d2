"""Times as NeXus wants them: float seconds from a start."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray


def seconds_since(start: datetime, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 seconds from `start` to each of `times` (int64 ns since the epoch)."""
    return (times - nanoseconds(start)) / 1e9


def nanoseconds(moment: datetime) -> int:
    """`moment` in ns since the epoch, exact to the microsecond that it holds."""
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
