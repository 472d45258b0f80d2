"""Waits for what must come true, with a generous limit."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], limit: float = 30.0) -> None:
    """Return once the condition holds; AssertionError if it never does."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, f"not true within {limit} s"
        time.sleep(0.02)
