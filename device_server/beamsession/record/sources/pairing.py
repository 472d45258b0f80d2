"""Finds the unique id of each waveform by its time stamp: the two come on separate channels, in either order."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from numpy.typing import NDArray

from beamsession.model.completeness import UNPAIRED

_PATIENCE_S = 0.5
_FARTHEST_NS = 50_000_000  # between the time stamps of a waveform and its id
_CLEARLY = 2  # times as far away is every other id, or it is not certain which one is meant
_IDS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Image:
    """The pixels of a waveform with its time stamp (ns since 1970) and when it came (ns, and monotonic seconds)."""

    pixels: NDArray
    time_ns: int
    receive_ns: int
    since: float


@dataclass(frozen=True, slots=True)
class _Id:
    value: int
    time_ns: int
    since: float


class Pairing:
    """Holds a waveform until an id of the same time stamp comes, `_PATIENCE_S` at most.

    Both keep their order. Where the time stamps differ the nearest id is taken, `_FARTHEST_NS` away at most, once
    those that come after it show that it is the nearest. A waveform without any gets the number after the last. What
    is not certain leaves a `doubt`, a sentence on this run. At most `limit` bytes wait; what comes beyond that is not
    taken and its id will be missing. Without ids the waveforms are numbered from 0.
    """

    def __init__(self, limit: int, *, with_ids: bool) -> None:
        self._limit = limit
        self._with_ids = with_ids
        self._images: deque[Image] = deque()
        self._ids: deque[_Id] = deque(maxlen=_IDS_KEPT)
        self._waiting = 0
        self._last_id = -1
        self._are_equal = False
        self._latest: tuple[int, int] | None = None
        self.doubt = ""

    def reset(self, shown_ns: int | None = None) -> None:
        """Begin a run: no waveform waits; ids that came a moment ago may belong to the next one.

        Not those up to the id of the waveform that stands, of time stamp `shown_ns`.
        """
        self._images.clear()
        self._waiting = 0
        self._last_id = -1
        self._are_equal = False
        self.doubt = ""
        oldest = time.monotonic() - _PATIENCE_S
        while self._ids and self._ids[0].since < oldest:
            self._ids.popleft()
        if shown_ns is not None:
            self._leave_out(shown_ns)

    def add_image(self, image: Image) -> bool:
        """Take a waveform; False if too much waits already."""
        if self._waiting + image.pixels.nbytes > self._limit:
            return False
        self._waiting += image.pixels.nbytes
        self._images.append(image)
        return True

    def add_id(self, unique_id: int, time_ns: int) -> None:
        """Take an id; one that is sent again, as after a reconnection, is the same one."""
        if self._latest == (unique_id, time_ns):
            return
        self._latest = (unique_id, time_ns)
        self._ids.append(_Id(unique_id, time_ns, time.monotonic()))

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
        same = [place for place, known in enumerate(self._ids) if known.time_ns == image.time_ns]
        if same:
            if len(same) > 1:
                self._doubt_that("more than one id has a frame's time stamp")
            self._are_equal = True
            return self._take(same[0])
        is_late = time.monotonic() - image.since >= _PATIENCE_S
        near = self._near(image)
        if near and (is_late or self._is_overtaken(near[0])):
            distances = [abs(self._ids[place].time_ns - image.time_ns) for place in near]
            if self._are_equal:
                self._doubt_that("no id has a frame's time stamp, though others have")
            elif len(near) > 1 and distances[1] < _CLEARLY * distances[0]:
                self._doubt_that("more than one id is near a frame's time stamp")
            return self._take(near[0])
        if not is_late:
            return None
        self._doubt_that("no id came with a frame's time stamp")
        return self._number_of(image)

    def _leave_out(self, shown_ns: int) -> None:
        distances = {place: abs(known.time_ns - shown_ns) for place, known in enumerate(self._ids)}
        places = [place for place, known in enumerate(self._ids) if known.time_ns <= shown_ns]
        nearest = min(distances, key=lambda place: distances[place], default=None)
        if nearest is not None and distances[nearest] <= _FARTHEST_NS:
            places.append(nearest)
        if places:
            self._take(max(places))

    def _near(self, image: Image) -> list[int]:
        """The places of the ids that may be this waveform's, the nearest first; none that the next one is nearer to."""
        following = self._images[1].time_ns if len(self._images) > 1 else None
        distances: list[tuple[int, int]] = []
        for place, known in enumerate(self._ids):
            distance = abs(known.time_ns - image.time_ns)
            belongs_to_next = following is not None and abs(known.time_ns - following) < distance
            if distance <= _FARTHEST_NS and not belongs_to_next:
                distances.append((distance, place))
        return [place for _, place in sorted(distances)]

    def _is_overtaken(self, place: int) -> bool:
        """Whether another id and another waveform have come since: no nearer one can come."""
        return place < len(self._ids) - 1 and len(self._images) > 1

    def _take(self, place: int) -> int:
        """An id; those before it belong to waveforms that never came."""
        for _ in range(place):
            self._ids.popleft()
        return self._ids.popleft().value

    def _number_of(self, image: Image) -> int:
        """The number after the last; that before the next where there was none yet."""
        while self._ids and self._ids[0].time_ns < image.time_ns - _FARTHEST_NS:
            self._ids.popleft()
        if self._last_id >= 0 or not self._ids:
            return self._last_id + 1
        return max(0, self._ids[0].value - 1)

    def _doubt_that(self, why: str) -> None:
        self.doubt = self.doubt or f"{UNPAIRED}: {why}"
