"""Which frames are looked at when there are too many: evenly spaced, and evenly still when time runs out."""

from __future__ import annotations

import numpy as np


def sampled(count: int, most: int) -> list[int]:
    """At most `most` indices out of `count`, first and last among them, each half as dense as all before it together.

    Read in this order, whatever is left out at the end is spread over the whole.
    """
    number = min(count, most)
    if number <= 0:
        return []
    chosen = np.unique(np.linspace(0, count - 1, number).round().astype(np.int64))
    bits = max(int(len(chosen) - 1).bit_length(), 1)
    order = sorted(range(len(chosen)), key=lambda place: int(f"{place:0{bits}b}"[::-1], 2))
    return [int(chosen[place]) for place in order]
