"""Numbers of single frames, and their mean, in memory that does not grow with the number of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_BLOCK = 1 << 20
_MARKER_BITS = 32


@dataclass(frozen=True)
class FrameNumbers:
    """Of one frame: NaN where it has no valid pixel. `saturated` counts pixels at the type's maximum, None for floats.

    Valid are finite numbers; of unsigned types of 32 bits and more the maximum is none: it marks pixels that have no
    value, gaps between modules or dead ones.
    """

    minimum: float
    maximum: float
    mean: float
    std: float
    sum: float
    saturated: int | None


def numbers_of(frame: NDArray[np.generic]) -> FrameNumbers:
    """The numbers of a frame, taken in blocks."""
    top, is_marker = _top(frame.dtype)
    flat = frame.reshape(-1)
    low, high, count, mean, squares, saturated = math.inf, -math.inf, 0, 0.0, 0.0, 0
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        if top is not None:
            at_top = block == top
            saturated += int(at_top.sum())
            values = (block[~at_top] if is_marker else block).astype(np.float64)
        else:
            values = block[np.isfinite(block)].astype(np.float64)
        if not values.size:
            continue
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        # Chan, Golub, LeVeque 1979: moments of blocks are joined without losing digits.
        own = float(values.mean())
        apart, both = own - mean, count + values.size
        squares += float(((values - own) ** 2).sum()) + apart * apart * count * values.size / both
        mean += apart * values.size / both
        count = both
    shown = None if top is None else saturated
    if not count:
        return FrameNumbers(math.nan, math.nan, math.nan, math.nan, math.nan, shown)
    return FrameNumbers(low, high, mean, math.sqrt(squares / count), mean * count, shown)


@dataclass
class MeanFrame:
    """The mean of frames of one shape, pixel by pixel: NaN where no frame has a valid value.

    Pixels that are saturated in all frames count as invalid: gaps that a 16-bit detector marks so.
    """

    _sum: Array | None = None
    _count: NDArray[np.int32] | None = None
    _always_top: NDArray[np.bool_] | None = None
    _frames: int = field(default=0)

    def add(self, frame: NDArray[np.generic]) -> None:
        """Take one more frame into the mean."""
        top, is_marker = _top(frame.dtype)
        if self._sum is None:
            self._sum = np.zeros(frame.shape, np.float64)
            self._count = np.zeros(frame.shape, np.int32)
            self._always_top = np.full(frame.shape, top is not None)
        assert self._count is not None
        assert self._always_top is not None
        # Row by row: no second copy of a large frame.
        for row, total, number, always in zip(frame, self._sum, self._count, self._always_top, strict=True):
            if top is not None:
                at_top = row == top
                always &= at_top
                valid = ~at_top if is_marker else np.ones(row.shape, bool)
            else:
                valid = np.isfinite(row)
            np.add(total, row, out=total, where=valid)
            number += valid
        self._frames += 1

    def result(self) -> Array:
        """The mean so far; at least one frame must have been added."""
        assert self._sum is not None
        assert self._count is not None
        assert self._always_top is not None
        mean = np.full(self._sum.shape, np.nan)
        np.divide(self._sum, self._count, out=mean, where=(self._count > 0) & ~self._always_top)
        if np.isnan(mean).all() and self._count.any():
            np.divide(
                self._sum, self._count, out=mean, where=self._count > 0
            )  # All is overexposed: white, not nothing.
        return mean


def _top(dtype: np.dtype[np.generic]) -> tuple[int | None, bool]:
    """The largest number of an integer type, and whether it means that a pixel has no value."""
    if dtype.kind not in "iu":
        return None, False
    return int(np.iinfo(dtype.name).max), dtype.kind == "u" and dtype.itemsize * 8 >= _MARKER_BITS
