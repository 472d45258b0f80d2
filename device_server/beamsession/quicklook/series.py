"""Numbers along one axis, however many, as a curve of a thousand points with what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import h5py
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
POINTS = 1000
_AT_ONCE = 1 << 20
# Of a bin that has more, its beginning is looked at.
_MOST_OF_A_BIN = 1 << 14


@dataclass(frozen=True)
class Curve:
    """`low` <= `middle` (the mean) <= `high` at each `x`; NaN where nothing is valid."""

    x: Array
    low: Array
    middle: Array
    high: Array

    @property
    def has_values(self) -> bool:
        """Whether there is anything to draw."""
        return bool(np.isfinite(self.middle).any())


def curve_of(values: h5py.Dataset | Array, x: h5py.Dataset | Array | None = None) -> Curve:
    """The curve of one-dimensional `values` over `x`, or over their numbers; read piece by piece."""
    count = len(values)
    edges = np.unique(np.linspace(0, count, min(count, POINTS) + 1).astype(np.int64))
    whole = _floats(values, 0, count) if count <= _AT_ONCE else None
    places = x[...] if x is not None and count <= _AT_ONCE else x
    lines: list[tuple[float, float, float, float]] = []
    for first, last in pairwise(edges):
        end = min(int(last), int(first) + _MOST_OF_A_BIN)
        piece = whole[first:last] if whole is not None else _floats(values, int(first), end)
        valid = piece[np.isfinite(piece)]
        at = float(first) if places is None else float(places[int(first)])
        if valid.size:
            lines.append((at, float(valid.min()), float(valid.mean()), float(valid.max())))
        else:
            lines.append((at, np.nan, np.nan, np.nan))
    columns = np.array(lines, np.float64).reshape(-1, 4).T
    return Curve(*columns)


def _floats(values: h5py.Dataset | Array, first: int, last: int) -> Array:
    return np.asarray(values[first:last], np.float64)
