"""Completeness of a run by unique ids: what came, what is missing, and the verdict that follows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from pydantic import Field

from beamsession.model.states import RunState
from beamsession.model.value import Value

MAX_GAPS = 1000
UNPAIRED = "ids and frames could not be paired"


class Gap(Value):
    """Unique ids `first` to `last`, both included, that never came."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many ids the gap holds."""
        return self.last - self.first + 1


class ClockOffset(Value):
    """The server's clock minus the detector's, s, from when the first frames came and what their time stamps said.

    The way from detector to server is in it: `minimum` has least of that, and is the best estimate; `median` is over
    the same `frames`.
    """

    minimum: float
    median: float
    frames: int

    def exceeds(self, limit_s: float) -> bool:
        """Whether the clocks are further apart than `limit_s`."""
        return abs(self.minimum) > limit_s

    @property
    def words(self) -> str:
        """How the detector's clock stands to the recorder's, after "its clock is"."""
        return f"{abs(self.minimum):.1f} s {'behind' if self.minimum > 0 else 'ahead of'} the recorder's"


class Completeness(Value):
    """The account of one detector in one run.

    `expected` is None where nobody declared a number, `produced` where the detector's own counter does not tell how
    many it made. `lost` frames never came: gaps in the unique ids, the growth of the detector's own dropped counter,
    or what it made beyond what came and was `skipped` in pauses; the most of these. `missing` are the lost, what was
    received but not written, and what a declared number wants beyond all that. `overruns` of them found the memory
    between receiver and writer full. `gaps` holds the first 1000; `gaps_cut` tells that there were more.
    `renumbered` is how often the unique ids began anew, `disconnections` how often the frames' PV went away, and
    `doubt` says why frames may be missing that nothing can show, or why their ids may be those of others (`UNPAIRED`).
    """

    detector: str
    expected: int | None = None
    received: int = 0
    written: int = 0
    duplicates: int = 0
    disordered: int = 0
    dropped_by_detector: int = 0
    produced: int | None = None
    skipped: int = 0
    overruns: int = 0
    lost: int = 0
    missing: int = 0
    gaps: tuple[Gap, ...] = Field(default=())
    gaps_cut: bool = False
    renumbered: int = 0
    disconnections: int = 0
    doubt: str = ""
    clock_offset: ClockOffset | None = None

    def settled(self, *, written: int, expected: int | None) -> Completeness:
        """The same account once `written` frames are on disk and no more will be.

        Where all declared frames are there no doubt is left but that of their ids, unless the source was away: later
        frames may have taken the place of some that nobody saw.
        """
        received = max(self.received, written)
        missing = self.lost + received - written
        if expected is not None:
            missing = max(missing, expected - written)
        is_all = expected is not None and written >= expected and not self.disconnections
        doubt = "" if is_all and not self.doubt.startswith(UNPAIRED) else self.doubt
        return self.model_copy(
            update={
                "received": received, "written": written, "expected": expected, "missing": missing, "doubt": doubt
            }
        )  # fmt: skip

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, and nothing can be missing unseen."""
        return self.missing == 0 and not self.doubt

    @property
    def lost_so_far(self) -> int:
        """Frames that are lost already while others are still on their way."""
        return self.lost + self.overruns


class IdTally:
    """Counts unique ids as they come, in any order, in memory that grows with the number of gaps only.

    The first id seen begins the account: a detector that was running before has its own numbers. Frames that are
    gated (a pause) are told by `skip`, so that they are not missing.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._seen = 0
        self._base: int | None = None
        self._earlier_lost = 0
        self._earlier_gaps: list[Gap] = []
        self._earlier_gap_count = 0
        self.renumbered = 0
        self.skipped = 0
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
        if self._insert(unique_id):
            self.skipped += 1

    def skip_range(self, first: int, last: int) -> None:
        """The same for all ids from `first` to `last`, both included, which may be a thousand million."""
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

    def pass_by(self, unique_id: int) -> None:
        """Account for a frame that came after the end of the run: what is missing before it is missing."""
        self._insert(unique_id)

    def repeat(self) -> None:
        """Account for a frame that was there already and is not to be written."""
        self.duplicates += 1

    def add_other(self, *, skipped: bool) -> None:
        """Account for a frame whose id tells nothing, as another frame had it: a received one, or a gated one."""
        if skipped:
            self.skipped += 1
        else:
            self.received += 1

    def begin_anew(self, base: int | None = None) -> None:
        """The detector numbers from the beginning again: ids may repeat, what is missing of the old ones stays.

        `base` is the id with which it begins: what is missing from there on is missing. None where that is not known.
        """
        self._earlier_lost = self.lost
        self._earlier_gap_count, self._earlier_gaps = self.gap_count, self.gaps()
        self._starts, self._ends, self._seen, self._base = [], [], 0, base
        self.renumbered += 1

    def has(self, unique_id: int) -> bool:
        """Whether this id was seen since they last began."""
        at = bisect_right(self._starts, unique_id) - 1
        return at >= 0 and unique_id <= self._ends[at]

    @property
    def first(self) -> int | None:
        """The lowest id seen since they last began."""
        return self._starts[0] if self._starts else None

    @property
    def last(self) -> int | None:
        """The highest id seen since they last began."""
        return self._ends[-1] if self._ends else None

    @property
    def lost(self) -> int:
        """How many ids are missing between the first and the last seen; costs nothing to ask."""
        if not self._starts:
            return self._earlier_lost
        return self._earlier_lost + self._ends[-1] - self._starts[0] + 1 - self._seen + self._lost_first

    @property
    def gap_count(self) -> int:
        """How many gaps there are."""
        return self._earlier_gap_count + max(len(self._starts) - 1, 0) + bool(self._lost_first)

    def gaps(self, limit: int = MAX_GAPS) -> list[Gap]:
        """The missing ids between the first and the last seen, in order, at most `limit` gaps."""
        ends, starts = self._ends[:limit], self._starts[1 : limit + 1]
        present = [Gap(first=end + 1, last=start - 1) for end, start in zip(ends, starts, strict=False)]
        if self._lost_first:
            present.insert(0, Gap(first=self._starts[0] - self._lost_first, last=self._starts[0] - 1))
        return [*self._earlier_gaps, *present][:limit]

    @property
    def _lost_first(self) -> int:
        """How many ids are missing from the base on before the first seen."""
        return max(self._starts[0] - self._base, 0) if self._starts and self._base is not None else 0

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
    produced: int | None = None,
    declared: int | None = None,
) -> Completeness:
    """The completeness of one detector at this moment.

    The detector's own counters and the gaps see the same loss where lost frames consume ids; the largest counts. A
    declared number finds what none of them saw; of what a detector produced beyond `declared` nothing is wanted.
    """
    never_came = 0
    if produced is not None:
        wanted = produced - tally.skipped
        never_came = (wanted if declared is None else min(wanted, declared)) - tally.received
    came = Completeness(
        detector=detector,
        received=tally.received,
        duplicates=tally.duplicates,
        disordered=tally.disordered,
        dropped_by_detector=dropped_by_detector,
        produced=produced,
        skipped=tally.skipped,
        lost=max(tally.lost, dropped_by_detector, never_came),
        gaps=tuple(tally.gaps()),
        gaps_cut=tally.gap_count > MAX_GAPS,
        renumbered=tally.renumbered,
    )
    return came.settled(written=written, expected=expected)


def verdict(accounts: tuple[Completeness, ...]) -> tuple[RunState, str]:
    """The verdict of a run that ended in order, with the reason in a sentence.

    The reason of one that is COMPLETED is empty, or tells of disconnections that cost no frame.
    """
    short = [account for account in accounts if not account.is_complete]
    if short:
        return RunState.INCOMPLETE, "; ".join(f"{item.detector}: {_shortage(item)}" for item in short)
    cut_off = [account for account in accounts if account.disconnections]
    told = [f"{item.detector}: {_disconnected(item)}, no frame is missing" for item in cut_off]
    return RunState.COMPLETED, "; ".join(told)


def loss_so_far(item: Completeness) -> str:
    """What is lost already while the run goes on, and why, as far as the counters tell."""
    causes: list[str] = []
    if item.overruns:
        causes.append(f"{item.overruns} found the memory full: the disk is slower than the detector")
    if item.dropped_by_detector:
        causes.append(f"{item.dropped_by_detector} were dropped by the detector")
    on_the_way = item.lost - item.dropped_by_detector
    if on_the_way > 0:
        causes.append(f"{on_the_way} were lost on the way")
    return f"{item.lost_so_far} frames of {item.detector} are missing so far ({'; '.join(causes)})"


def _shortage(item: Completeness) -> str:
    parts: list[str] = []
    if item.missing:
        parts.append(f"{item.missing} {'frame' if item.missing == 1 else 'frames'} missing{_gap_text(item)}")
    if item.overruns:
        parts.append(f"{item.overruns} found the memory full, the disk was slower than the detector")
    if item.doubt:
        parts.append(item.doubt)
    elif item.disconnections:
        parts.append(_disconnected(item))
    return ", ".join(parts)


def _disconnected(item: Completeness) -> str:
    return "its source disconnected" + (f" {item.disconnections} times" if item.disconnections > 1 else "")


def _gap_text(item: Completeness) -> str:
    if item.gaps:
        shown = [f"{gap.first}" if gap.count == 1 else f"{gap.first}-{gap.last}" for gap in item.gaps[:5]]
        more = ", …" if len(item.gaps) > len(shown) else ""
        return f" (ids {', '.join(shown)}{more})"
    if item.expected is not None:
        return f" ({item.written} of {item.expected} declared)"
    if item.produced is not None and item.produced > item.received + item.skipped:
        return f" (the detector made {item.produced}, {item.received + item.skipped} came)"
    return ""
