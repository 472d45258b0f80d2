"""Finds the unique id of each waveform by its time stamp: the two come on separate channels, in either order."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from beamsession.model.completeness import UNPAIRED
from beamsession.record.sources.own_pixels import Image, OwnPixels

_PATIENCE_S = 0.5
_FARTHEST_NS = 50_000_000  # between the time stamps of a waveform and its id
_CLEARLY = 2  # times as far away is every other id, or it is not certain which one is meant
_IDS_KEPT = 4096
_NO_ID = "no id came with a frame's time stamp"


@dataclass(frozen=True, slots=True)
class _Id:
    value: int
    time_ns: int
    since: float


class Pairing:
    """Holds a waveform until an id of the same time stamp comes, `_PATIENCE_S` at most.

    Both keep their order. Where the time stamps differ the nearest id is taken, `_FARTHEST_NS` away at most, once
    those that come after it show that it is the nearest; with `ids_follow` (see `reset`) the one that was posted
    between the waveform and the next one. A waveform without any gets the number after the last. What the next id does
    not prove, and what else is not certain, leaves a `doubt`, a sentence on this run. At most `limit` bytes wait; what
    comes beyond that is not taken and its id will be missing. Without ids the waveforms are numbered from 0.
    `pixels_may_be_later`: a waveform may come with the pixels of a later one, as over Channel Access.
    """

    def __init__(self, limit: int, *, with_ids: bool, pixels_may_be_later: bool = True) -> None:
        self._limit = limit
        self._with_ids = with_ids
        self._looks_at_pixels = with_ids and pixels_may_be_later
        self._images: deque[Image] = deque()
        self._ids: deque[_Id] = deque(maxlen=_IDS_KEPT)
        self._waiting = 0
        self._last_id = -1
        self._are_equal = False
        self._latest: tuple[int, int] | None = None
        self._ids_follow = False
        self._taken_ns = 0
        self._is_guessed = self._unproved = False
        self._own_pixels = OwnPixels()
        self._doubt = ""

    def reset(self, shown_ns: int | None = None, *, ids_follow: bool = False) -> None:
        """Begin a run: no waveform waits; ids that came a moment ago may belong to the next one.

        Not those up to the id of the waveform that stands, of time stamp `shown_ns`. `ids_follow`: the IOC posts each
        waveform, then its id, then the next waveform, and that order is in their time stamps.
        """
        self._ids_follow = ids_follow
        self._taken_ns = 0
        self._unproved = False
        self._own_pixels.reset()
        self._images.clear()
        self._waiting = 0
        self._last_id = -1
        self._are_equal = False
        self._doubt = ""
        oldest = time.monotonic() - _PATIENCE_S
        while self._ids and self._ids[0].since < oldest:
            self._ids.popleft()
        if shown_ns is not None and not ids_follow:
            self._leave_out(shown_ns)

    def add_image(self, image: Image) -> bool:
        """Take a waveform, once; False if too much waits already."""
        if self._looks_at_pixels and not self._own_pixels.see(image):
            return True
        if self._waiting + image.pixels.nbytes > self._limit:
            return False
        self._waiting += image.pixels.nbytes
        self._images.append(image)
        return True

    def add_id(self, unique_id: int, time_ns: int, receive_ns: int | None = None) -> None:
        """Take an id that came at `receive_ns`, or now; one that is sent again, after a reconnection, is the same."""
        if self._latest == (unique_id, time_ns):
            return
        self._latest = (unique_id, time_ns)
        age_s = 0.0 if receive_ns is None else (time.time_ns() - receive_ns) / 1e9
        self._ids.append(_Id(unique_id, time_ns, time.monotonic() - age_s))

    def next(self) -> tuple[Image, int] | None:
        """The oldest waveform and its id; None while there is none, or while its id may still come."""
        if not self._images:
            return None
        image = self._images[0]
        self._is_guessed = False
        unique_id = self._id_of(image)
        if unique_id is None:
            return None
        self._prove(unique_id)
        self._images.popleft()
        self._waiting -= image.pixels.nbytes
        self._last_id = unique_id
        self._taken_ns = image.time_ns
        return image, unique_id

    @property
    def waits(self) -> bool:
        """Whether a waveform is held back, or an id tells of one that may still come."""
        return bool(self._images) or (bool(self._ids_left) and not self._is_lost)

    @property
    def doubt(self) -> str:
        """Why ids may be those of other frames, or frames may be missing; empty where that is not so."""
        if self._doubt or not self._with_ids:
            return self._doubt
        why = "the last id came without its frame" if self._is_lost else self._own_pixels.doubt
        why = _NO_ID if self._unproved else why
        return f"{UNPAIRED}: {why}" if why else ""

    @property
    def _ids_left(self) -> list[_Id]:
        """Ids whose waveforms have to come, where it is certain that they are not those of earlier ones."""
        if not self._ids_follow or not self._taken_ns or self._images:
            return []
        return [known for known in self._ids if known.time_ns > self._taken_ns]

    @property
    def _is_lost(self) -> bool:
        """Whether the waveform of an id that is left did not come in time."""
        left = self._ids_left
        return bool(left) and time.monotonic() - left[0].since >= _PATIENCE_S

    def _id_of(self, image: Image) -> int | None:
        if not self._with_ids:
            return self._last_id + 1
        if self._ids_follow:
            return self._following_id(image)
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
        return self._guess(image)

    def _following_id(self, image: Image) -> int | None:
        """The first id posted after the waveform, unless the next waveform was posted before it."""
        while self._ids and self._ids[0].time_ns < image.time_ns:
            self._ids.popleft()  # Its waveform never came, or was of an earlier run.
        next_ns = self._images[1].time_ns if len(self._images) > 1 else None
        if self._ids and (next_ns is None or self._ids[0].time_ns < next_ns):
            return self._ids.popleft().value
        if not self._ids and time.monotonic() - image.since < _PATIENCE_S:
            return None
        return self._guess(image)

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

    def _guess(self, image: Image) -> int:
        """A number for a waveform whose id did not come; right if the next id goes on from there."""
        if self._last_id < 0:
            self._doubt_that(_NO_ID)
        self._is_guessed = True
        return self._number_of(image)

    def _prove(self, unique_id: int) -> None:
        if self._is_guessed:
            self._unproved = True
        elif self._unproved:
            self._unproved = False
            if unique_id != self._last_id + 1:
                self._doubt_that(_NO_ID)

    def _number_of(self, image: Image) -> int:
        """The number after the last; that before the next where there was none yet."""
        while self._ids and self._ids[0].time_ns < image.time_ns - _FARTHEST_NS:
            self._ids.popleft()
        if self._last_id >= 0 or not self._ids:
            return self._last_id + 1
        return max(0, self._ids[0].value - 1)

    def _doubt_that(self, why: str) -> None:
        self._doubt = self._doubt or f"{UNPAIRED}: {why}"
