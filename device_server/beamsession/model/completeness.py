"""Completeness of a run by unique ids: what came, what is missing, and the verdict that follows."""

from __future__ import annotations

from bisect import bisect_right

from pydantic import Field

from beamsession.model.detector import Value
from beamsession.model.states import RunState

MAX_GAPS = 1000


class Gap(Value):
    """Unique ids `first` to `last`, both included, that never came."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many ids the gap holds."""
        return self.last - self.first + 1


class Completeness(Value):
    """The account of one detector in one run.

    `expected` is None where nobody declared a number. `lost` frames never came: gaps in the unique ids, or the growth
    of the detector's own dropped counter where that is more. `missing` are these, what was received but not written,
    and what a declared number wants beyond all that. `gaps` holds the first 1000; `gaps_cut` tells that there were
    more. `interruptions` are sentences: when the source was away, and nothing tells whether frames were lost then.
    """

    detector: str
    expected: int | None = None
    received: int = 0
    written: int = 0
    duplicates: int = 0
    disordered: int = 0
    dropped_by_detector: int = 0
    lost: int = 0
    missing: int = 0
    gaps: tuple[Gap, ...] = Field(default=())
    gaps_cut: bool = False
    interruptions: tuple[str, ...] = Field(default=())

    def settled(self, *, written: int, expected: int | None) -> Completeness:
        """The same account once `written` frames are on disk and no more will be."""
        received = max(self.received, written)
        missing = self.lost + received - written
        if expected is not None:
            missing = max(missing, expected - written)
        return self.model_copy(
            update={"received": received, "written": written, "expected": expected, "missing": missing}
        )

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.missing == 0 and not self.interruptions


class IdTally:
    """Counts unique ids as they come, in any order, in memory that grows with the number of gaps only.

    The first id seen begins the account: a detector that was running before has its own numbers. Frames that are
    gated (a pause) are told by `skip`, so that they are not missing.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._seen = 0
        self.received = 0
        self.duplicates = 0
        self.disordered = 0

    def add(self, unique_id: int) -> bool:
        """Account for a received frame; False if this id was there already (a duplicate, not to be written)."""
        if not self._insert(unique_id):
            self.duplicates += 1
            return False
        self.received += 1
        return True

    def skip(self, unique_id: int) -> None:
        """Account for a frame that was not to be recorded."""
        self._insert(unique_id)

    @property
    def last(self) -> int | None:
        """The highest id seen."""
        return self._ends[-1] if self._ends else None

    @property
    def lost(self) -> int:
        """How many ids are missing between the first and the last seen; costs nothing to ask."""
        return self._ends[-1] - self._starts[0] + 1 - self._seen if self._starts else 0

    @property
    def gap_count(self) -> int:
        """How many gaps there are."""
        return max(len(self._starts) - 1, 0)

    def gaps(self, limit: int = MAX_GAPS) -> list[Gap]:
        """The missing ids between the first and the last seen, in order, at most `limit` gaps."""
        ends, starts = self._ends[:limit], self._starts[1 : limit + 1]
        return [Gap(first=end + 1, last=start - 1) for end, start in zip(ends, starts, strict=False)]

    def _insert(self, unique_id: int) -> bool:
        if not self._place(unique_id):
            return False
        self._seen += 1
        return True

    def _place(self, unique_id: int) -> bool:
        starts, ends = self._starts, self._ends
        if ends and unique_id == ends[-1] + 1:
            ends[-1] = unique_id
            return True
        if not ends or unique_id > ends[-1]:
            starts.append(unique_id)
            ends.append(unique_id)
            return True
        at = bisect_right(starts, unique_id) - 1
        if at >= 0 and unique_id <= ends[at]:
            return False
        self.disordered += 1
        self._insert_between(at, unique_id)
        return True

    def _insert_between(self, at: int, unique_id: int) -> None:
        starts, ends = self._starts, self._ends
        joins_before = at >= 0 and ends[at] == unique_id - 1
        joins_after = at + 1 < len(starts) and starts[at + 1] == unique_id + 1
        if joins_before and joins_after:
            ends[at] = ends.pop(at + 1)
            del starts[at + 1]
        elif joins_before:
            ends[at] = unique_id
        elif joins_after:
            starts[at + 1] = unique_id
        else:
            starts.insert(at + 1, unique_id)
            ends.insert(at + 1, unique_id)


def account(
    detector: str,
    tally: IdTally,
    *,
    written: int,
    expected: int | None,
    dropped_by_detector: int = 0,
    interruptions: tuple[str, ...] = (),
) -> Completeness:
    """The completeness of one detector at this moment.

    The detector's own dropped counter and the gaps see the same loss where dropped frames consume ids; the larger
    of the two counts. A declared number finds what neither saw, frames lost at the very end for example.
    """
    came = Completeness(
        detector=detector,
        received=tally.received,
        duplicates=tally.duplicates,
        disordered=tally.disordered,
        dropped_by_detector=dropped_by_detector,
        lost=max(tally.lost, dropped_by_detector),
        gaps=tuple(tally.gaps()),
        gaps_cut=tally.gap_count > MAX_GAPS,
        interruptions=interruptions,
    )
    return came.settled(written=written, expected=expected)


def verdict(accounts: tuple[Completeness, ...]) -> tuple[RunState, str]:
    """The verdict of a run that ended in order, with the reason in a sentence (empty when COMPLETED)."""
    short = [account for account in accounts if not account.is_complete]
    if not short:
        return RunState.COMPLETED, ""
    return RunState.INCOMPLETE, "; ".join(f"{item.detector}: {_shortfall(item)}" for item in short)


def _shortfall(item: Completeness) -> str:
    missing = [f"{item.missing} frames missing{_gap_text(item)}"] if item.missing else []
    return ", ".join([*missing, *item.interruptions])


def _gap_text(item: Completeness) -> str:
    if not item.gaps:
        return f" ({item.written} of {item.expected} declared)" if item.expected is not None else ""
    shown = [f"{gap.first}" if gap.count == 1 else f"{gap.first}-{gap.last}" for gap in item.gaps[:5]]
    more = ", …" if len(item.gaps) > len(shown) else ""
    return f" (ids {', '.join(shown)}{more})"
