"""Whether a time stamp is the source's own."""

from __future__ import annotations

_NEVER_NS = 946_684_800 * 1_000_000_000  # 2000; EPICS counts from 1990


def is_own_stamp(time_ns: int, receive_ns: int) -> bool:
    """Whether the source told it; a record that was never processed says 1990, an arrival stands for none at all."""
    return time_ns != receive_ns and time_ns > _NEVER_NS
