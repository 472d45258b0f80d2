"""Finds the unique id of each waveform by equal time stamp: the two come on separate channels, in either order."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from numpy.typing import NDArray

_PATIENCE_S = 0.5
_IDS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Image:
    """The pixels of a waveform with its time stamp (ns since 1970) and when it came (ns, and monotonic seconds)."""

    pixels: NDArray
    time_ns: int
    receive_ns: int
    since: float


class Pairing:
    """Holds a waveform until an id of the same time stamp comes, `_PATIENCE_S` at most.

    Then the unused id nearest in time is taken, or the number after the last where no id is left. At most `limit`
    bytes wait; what comes beyond that is not taken and its id will be missing. Without ids the waveforms are
    numbered from 0.
    """

    def __init__(self, limit: int, *, with_ids: bool) -> None:
        self._limit = limit
        self._with_ids = with_ids
        self._images: deque[Image] = deque()
        self._ids: OrderedDict[int, int] = OrderedDict()
        self._waiting = 0
        self._last_id = -1

    def reset(self) -> None:
        """Begin a run: no waveform waits; ids that came already may belong to the next one."""
        self._images.clear()
        self._waiting = 0
        self._last_id = -1

    def add_image(self, image: Image) -> bool:
        """Take a waveform; False if too much waits already."""
        if self._waiting + image.pixels.nbytes > self._limit:
            return False
        self._waiting += image.pixels.nbytes
        self._images.append(image)
        return True

    def add_id(self, unique_id: int, time_ns: int) -> None:
        """Take an id."""
        self._ids[time_ns] = unique_id
        if len(self._ids) > _IDS_KEPT:
            self._ids.popitem(last=False)

    def next(self) -> tuple[Image, int] | None:
        """The oldest waveform and its id; None while there is none, or while its id may still come."""
        if not self._images:
            return None
        image = self._images[0]
        unique_id = self._id_of(image)
        if unique_id is None:
            return None
        self._images.popleft()
        self._waiting -= image.pixels.nbytes
        self._last_id = unique_id
        return image, unique_id

    @property
    def waits(self) -> bool:
        """Whether a waveform is held back."""
        return bool(self._images)

    def _id_of(self, image: Image) -> int | None:
        if not self._with_ids:
            return self._last_id + 1
        exact = self._ids.pop(image.time_ns, None)
        if exact is not None:
            return exact
        if time.monotonic() - image.since < _PATIENCE_S:
            return None
        return self._nearest(image.time_ns)

    def _nearest(self, time_ns: int) -> int:
        taken_by_others = {waiting.time_ns for waiting in self._images}
        unused = [
            stamp for stamp, unique_id in self._ids.items()
            if unique_id > self._last_id and stamp not in taken_by_others
        ]  # fmt: skip
        if not unused:
            return self._last_id + 1
        return self._ids.pop(min(unused, key=lambda stamp: abs(stamp - time_ns)))
