"""What the IOC's counters say of a run, and the account that follows from them and from the file."""

from __future__ import annotations

from dataclasses import dataclass, field

from beamsession.model.completeness import Completeness, IdTally, account
from beamsession.record.growth import Growth
from beamsession.record.salvage import Salvaged


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
        tally = IdTally()
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
