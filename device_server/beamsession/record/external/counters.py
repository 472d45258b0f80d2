"""What the IOC's counters say of a run, and the account that follows from them and from the file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from beamsession.model.completeness import Completeness, IdTally, account
from beamsession.record.salvage import Salvaged


@dataclass
class Growth:
    """How much a counter has grown since it was first seen; one that was reset begins at 0."""

    total: int = 0
    _last: int | None = None

    def see(self, value: int) -> None:
        """Add what it has grown since the last time."""
        if self._last is not None:
            self.total += value - self._last if value >= self._last else value
        self._last = value

    def skip(self, value: int) -> None:
        """What it has grown since the last time does not count."""
        self._last = value


class _Tally(IdTally):
    """Also takes many ids at once: those of a pause may be a thousand million."""

    def skip_range(self, first: int, last: int) -> None:
        """Account for the frames `first` to `last`, both included, that were not to be recorded."""
        if first > last:
            return
        begin = bisect_left(self._ends, first - 1)
        end = bisect_right(self._starts, last + 1)
        touched = list(zip(self._starts[begin:end], self._ends[begin:end], strict=True))
        known = sum(max(min(high, last) - max(low, first) + 1, 0) for low, high in touched)
        self._starts[begin:end] = [min([first, *(low for low, _ in touched)])]
        self._ends[begin:end] = [max([last, *(high for _, high in touched)])]
        self._seen += last - first + 1 - known
        self.skipped += last - first + 1 - known


@dataclass
class Counters:
    """The counters of one run. `captured` frames are taken by the plugin, `flushed` of them are safe in the file."""

    produced: Growth = field(default_factory=Growth)
    dropped: Growth = field(default_factory=Growth)
    dropped_output: Growth = field(default_factory=Growth)
    captured: int = 0
    flushed: int = 0
    queued: int = 0

    @property
    def lost(self) -> int:
        """Frames that the plugin has dropped."""
        return self.dropped.total + self.dropped_output.total

    @property
    def on_their_way(self) -> int:
        """Frames that the camera has made and of which the plugin knows nothing yet."""
        return self.produced.total - self.captured - self.lost

    def account(self, detector: str, expected: int | None) -> Completeness:
        """While frames are coming; those on their way are not missing."""
        return Completeness(
            detector=detector,
            expected=expected,
            received=self.captured,
            written=min(self.flushed, self.captured),
            dropped_by_detector=self.lost,
            lost=self.lost,
            missing=self.lost,
        )

    def final(
        self, detector: str, expected: int | None, found: Salvaged, pauses: list[int], *, all_are_ours: bool
    ) -> Completeness:
        """Once the file is closed. `pauses`: how many frames were in it when the run was resumed, each time.

        `all_are_ours`: every frame that the camera has made belongs to the run, so one that is not in the file is lost,
        also where no unique id tells it.
        """
        tally = _Tally()
        last: int | None = None
        for place, unique_id in enumerate(found.ids):
            if place in pauses and last is not None:
                tally.skip_range(last + 1, unique_id - 1)
            tally.add(unique_id)
            last = unique_id
        came = account(detector, tally, written=found.frames, expected=expected, dropped_by_detector=self.lost)
        unseen = self.produced.total - found.frames if all_are_ours else 0
        # What the plugin took and the file does not hold was received all the same.
        received = max(came.received, self.captured)
        lost = max(came.lost, unseen - (received - found.frames))
        corrected = came.model_copy(update={"lost": lost, "received": received})
        return corrected.settled(written=found.frames, expected=expected)
