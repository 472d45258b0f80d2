"""Waits for what must come true: tests on a busy machine need a condition, not a pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.01


def wait_until(what: str, reached: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `reached` answered when it was first true; AssertionError naming `what` when that does not come."""
    deadline = time.monotonic() + patience_s
    while not (answer := reached()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s in vain: {what}"
        time.sleep(_LOOK_EVERY_S)
    return answer
