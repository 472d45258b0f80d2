"""Whether each waveform brought the pixels of its own frame.

A CA server reads an array when it sends it, not when it was posted: where that is late, the client gets the pixels
of a later frame with the time stamp of an earlier one. The pixels of that later frame then come twice, unless even
later ones overtake them. So frames that all differ, of which the last was not overtaken, are all there.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from numpy.typing import NDArray

_MARGIN_NS = 10_000_000  # from when the IOC has the pixels until it posts them, where its time stamps are of posting
_LINK = 0.125  # bytes/ns, of 1 Gbit/s Ethernet: as long is the way of any frame, which cannot be told from the clocks
_LATE_IN_A_ROW = 5
_QUIET_S = 0.09  # so long without a waveform: the last was not overtaken


@dataclass(frozen=True, slots=True)
class Image:
    """The pixels of a waveform with its time stamp (ns since 1970) and when it came (ns, and monotonic seconds)."""

    pixels: NDArray
    time_ns: int
    receive_ns: int
    since: float


class OwnPixels:
    """Looks at the waveforms of one run in the order in which they come; keeps the last one only."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a run."""
        self._last: Image | None = None
        self._lead_ns: int | None = None
        self._late: deque[bool] = deque(maxlen=_LATE_IN_A_ROW)
        self._equal = False

    def see(self, image: Image) -> bool:
        """Take the next waveform; False if it is the last one, sent again."""
        last, self._last = self._last, image
        way = image.receive_ns - image.time_ns
        self._lead_ns = way if self._lead_ns is None else min(self._lead_ns, way)
        if last is None:
            return True
        came_ns = last.receive_ns - self._lead_ns  # on the IOC's clock, and rather too early
        self._late.append(came_ns >= image.time_ns)
        margin_ns = _MARGIN_NS + image.pixels.nbytes / _LINK
        if came_ns + margin_ns < image.time_ns or not _are_equal(last.pixels, image.pixels):
            return True
        if last.time_ns == image.time_ns:
            return False
        self._equal = True
        return True

    @property
    def doubt(self) -> str:
        """Why a frame may have come in place of another; empty where none can."""
        if self._equal:
            return "frames that followed each other fast have equal pixels, one may have come in place of another"
        is_overtaken = len(self._late) == _LATE_IN_A_ROW and all(self._late)
        if is_overtaken and self._last is not None and time.monotonic() - self._last.since < _QUIET_S:
            return "frames came later than those after them were made, one may have come in place of another"
        return ""


def _are_equal(one: NDArray, other: NDArray) -> bool:
    """As memcmp has it: ends at the first difference."""
    if one.nbytes != other.nbytes or not (one.flags.c_contiguous and other.flags.c_contiguous):
        return False
    return one.data.cast("B") == other.data.cast("B")
