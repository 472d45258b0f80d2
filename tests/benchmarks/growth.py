"""The same question to a large place and to a small one: how much dearer it became."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Question = Callable[[], object]


def growth_row(name: str, large: Question, small: Question, *, rounds: int, goal: float | None) -> dict[str, Any]:
    """A row of the table: medians in milliseconds of the large and of the small one, and how often it goes into that.

    They are asked in turns, so that a slow moment of the machine meets both.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for question, taken in zip((large, small), times, strict=True):
            began = time.perf_counter()
            question()
            taken.append((time.perf_counter() - began) * 1e3)
    value, reference = (statistics.median(taken) for taken in times)
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "ms",
        "reference": round(reference, 3),
        "ratio": round(value / reference, 2),
        "goal": goal,
        "higher_is_better": False,
        "cpu_s": None,
        "peak_mib": None,
    }
