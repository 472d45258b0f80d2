"""The frames of one run on their way into the ring, and their account."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Protocol

from beamsession.model.completeness import IdTally, account
from beamsession.record.frame_clock import FrameClock
from beamsession.record.gate import Gate
from beamsession.record.growth import Growth
from beamsession.record.identity import Identity
from beamsession.record.orders import Received
from beamsession.record.ring import FrameTooLargeError
from beamsession.record.sources.source import Count
from beamsession.record.stop import LONGEST_STOP_S, Stop

_LATECOMER_S = 0.5  # how long a frame that was overtaken by the last declared one is waited for
_LAST_S = 2.0  # so long without a frame once the detector says that it has made all: the others do not come
_USUAL_FIRST_IDS = (0, 1, -(1 << 31))  # the last where a counter of 32 bits overflows
_log = logging.getLogger(__name__)


class Item(Protocol):
    """What is counted: a frame, or an update of a table."""

    @property
    def format(self) -> Any: ...
    @property
    def unique_id(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def receive_ns(self) -> int: ...
    @property
    def is_stamped(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...


class Sink(Protocol):
    """Where frames go; False if there is no room for one."""

    def put(self, frame: Any, /) -> bool: ...


class Intake:
    """Takes frames while armed; `declared` is their wanted number, `numbered` tells whether their ids are their own."""

    def __init__(self, detector: str, inlet: Sink, declared: int | None, *, numbered: bool = True) -> None:
        self._detector = detector
        self._inlet = inlet
        self._numbered = numbered
        self.declared = declared
        self._gate = Gate()
        self.armed = False
        self._armed_ns = 0
        self.reached = False
        self.news = True
        self._clock = FrameClock()
        self._tally = IdTally()
        self._identity = Identity()
        self._own_numbers = False
        self._base: int | None = None
        self._untold = False
        self._first: int | None = None
        self._latest_ns = 0
        self._latest_posted_ns = 0
        self._overruns = 0
        self._format: Any = None
        self._failure = ""
        self._overtaken_since: float | None = None
        self._dropped = Growth()
        self._produced = Growth()
        self._was_running = False
        self._disconnections = 0
        self._cut_off = False
        self._doubt = ""
        self._unpaired = ""
        self._stop = Stop()

    def arm(self, now_ns: int) -> None:
        """Record what comes from now on; a frame that came before and was held back is not among it."""
        self.armed = True
        self._armed_ns = now_ns

    def take(self, frame: Item, empty_ns: int) -> None:
        """Record one frame, or leave it out where it is not to be recorded; see FrameClock for `empty_ns`."""
        self._identity.see_stamp(frame.time_ns)
        posted: int | None = None
        if frame.is_stamped and not self._identity.clock_stands:
            self._clock.see(frame.time_ns, frame.receive_ns, empty_ns)
            posted = self._clock.posted(frame.time_ns, frame.receive_ns, empty_ns)
        if not self.armed or frame.receive_ns <= self._armed_ns:
            self._was_running = True
            return
        if self.reached or self._failure:
            return
        if self._stop.is_before(frame.receive_ns, posted, empty_ns):
            self._pass_the_stop(frame)
            return
        self._armed_ns = 0
        self._stop.see(frame.nbytes)
        self._latest_posted_ns = max(self._latest_posted_ns, posted or 0)
        if self._cut_off and self._is_sent_again(frame):
            return
        if self._numbered and posted is not None and self._identity.is_known(frame.unique_id, frame.time_ns):
            self._tally.repeat()
            return
        self._take_new(frame, posted)

    def miss_updates(self) -> None:
        """So many updates waited at once as can wait: there may have been more."""
        if self.armed:
            self._doubt_that("updates may be missing: they came faster than they were taken")

    def doubt_ids(self, sentence: str) -> None:
        """Ids may be those of other frames; empty where nothing is in doubt."""
        self.news = self.news or sentence != self._unpaired
        self._unpaired = sentence

    def gate(self, *, closed: bool, at_ns: int) -> int:
        """Leave out frames posted after `at_ns`, or record them again; the moment from which on it is so.

        That is later where a frame posted after `at_ns` was judged already. What has come is to be taken before
        `settle`.
        """
        moment = max(at_ns, self._latest_posted_ns)
        if closed:
            self._gate.close(moment)
        else:
            self._gate.open(moment)
        return moment

    def settle(self) -> None:
        """From now on also frames without time stamps are judged by the last order."""
        self._gate.settle()

    def count_dropped(self, counter: int | None) -> None:
        """Take the detector's own counter of dropped frames."""
        if counter is not None and self._dropped.see(counter, counting=self.armed):
            self.news = True

    def count_produced(self, counts: list[Count]) -> None:
        """Take the detector's own counter of the frames it made; what it made after a stop is not counted."""
        for count in counts:
            made_ns = self._clock.ours(count.time_ns)
            if self._stop.at_ns is None or made_ns <= self._stop.at_ns:
                self._produced.see(count.value, counting=self.armed)

    def count_disconnections(self, count: int) -> None:
        """Take how often the frames' PV went away since the run was subscribed."""
        if count == self._disconnections:
            return
        self._disconnections = count
        self._cut_off = self.armed
        self.news = True

    @property
    def stopping(self) -> bool:
        """Whether only frames posted before the stop are taken."""
        return self._stop.at_ns is not None

    def stop(self, at_ns: int) -> None:
        """Take no frame that was posted after `at_ns`."""
        self._stop.order(at_ns)

    def is_over(self, now: float, *, held_back: bool) -> bool:
        """Whether a stop is done: a later frame has come, or none for a while, or it takes too long."""
        if not self.stopping:
            return False
        quiet = self._stop.is_quiet(now) and not held_back
        if quiet or self._stop.is_passed or not self.armed or self._failure:
            return True
        if not self._stop.takes_too_long(now):
            return False
        self._doubt_that(f"frames may be missing: they were still coming {LONGEST_STOP_S:g} s after the stop")
        return True

    def look_at_the_end(self, now: float) -> None:
        """Find out whether the declared number was produced though some frames never came."""
        if self.reached or self.declared is None or self._first is None:
            return
        lost = self._tally.lost
        if self._has_made_all(self.declared) and now - self._stop.last_frame > _LAST_S:
            self._reach()
        elif self._tally.received + lost < self.declared:
            self._overtaken_since = None
        elif self._overtaken_since is None:
            self._overtaken_since = now
        elif now - self._overtaken_since > _LATECOMER_S:
            self._reach()

    def _has_made_all(self, declared: int) -> bool:
        made = self._produced_frames()
        return made is not None and made >= declared + self._tally.skipped

    def fail(self, sentence: str) -> None:
        """The run cannot go on; the first reason stands."""
        if not self._failure:
            _log.error("%s: %s", self._detector, sentence)
            self._failure = sentence
            self.news = True

    def report(self, *, ended: bool, unconnected: tuple[str, ...] = (), exposure_s: float | None = None) -> Received:
        """The account at this moment, as if all but the overruns were written.

        What the detector's counter says counts at the end only: before, it may be ahead of the frames.
        """
        self.news = False
        came = account(
            self._detector,
            self._tally,
            written=self._tally.received - self._overruns,
            expected=None,
            dropped_by_detector=self._dropped.total,
            produced=self._produced_frames() if ended else None,
            declared=self.declared,
        )
        more = {
            "overruns": self._overruns,
            "disconnections": self._disconnections,
            "doubt": self._present_doubt(),
            "clock_offset": self._clock.offset,
        }
        return Received(
            account=came.model_copy(update=more),
            reached=self.reached,
            ended=ended,
            failure=self._failure,
            unconnected=unconnected,
            exposure_s=exposure_s,
            frame_bytes=getattr(self._format, "nbytes", None),  # updates of a table have no size of their own
        )

    def _pass_the_stop(self, frame: Item) -> None:
        """The first frame after the stop shows by its id whether all before it came."""
        last = self._tally.last
        if self._numbered and not self._stop.is_passed and last is not None and frame.unique_id > last:
            self._tally.pass_by(frame.unique_id)
        self._stop.is_passed = True

    def _take_new(self, frame: Any, posted: int | None) -> None:
        is_other = self._follow_ids(frame, is_timed=posted is not None)
        if self._own_numbers:
            last = self._tally.last
            frame, is_other = replace(frame, unique_id=0 if last is None else last + 1), False
        if not self._gate.shuts_out(posted):
            self._record(frame, is_other=is_other)
        elif is_other:
            self._tally.add_other(skipped=True)
        else:
            self._tally.skip(frame.unique_id)

    def _record(self, frame: Item, *, is_other: bool) -> None:
        if self._format is None:
            self._format = frame.format
        elif frame.format is not self._format and frame.format != self._format:
            self.fail(self._format.changed_to(frame.format))
            return
        if self._is_past_the_last(frame.unique_id):
            self._reach()
            return
        if is_other:
            self._tally.add_other(skipped=False)
            self._put(frame)
        elif self._tally.add(frame.unique_id):
            self._put(frame)
        if self.declared is not None and self._tally.received >= self.declared:
            self._reach()

    def _is_sent_again(self, frame: Item) -> bool:
        """Whether the first frame after a disconnection is the last one before it: then nothing was lost between."""
        if self._numbered:
            again = frame.unique_id == self._tally.last and not self._is_new(frame)
        else:
            again = frame.is_stamped and frame.time_ns == self._latest_ns
            if again:
                self._tally.skip(frame.unique_id)
        self._cut_off = self._cut_off and not again
        return again

    def _follow_ids(self, frame: Item, *, is_timed: bool) -> bool:
        """See what the ids tell; whether it is a frame that has the id of another one.

        They go on, begin anew, or are no ids; after a disconnection they may not tell what is missing.
        """
        first, has = self._tally.first, self._tally.has(frame.unique_id)
        is_new = is_timed and self._is_new(frame)
        was_cut_off, self._cut_off = self._cut_off, False
        if is_timed:
            self._latest_ns = max(self._latest_ns, frame.time_ns)
        if was_cut_off and not self._numbered:
            self._doubt_that("frames may be missing: its source disconnected, and its frames have no unique ids")
        elif was_cut_off and first is None:
            self._doubt_that("frames may be missing: its source disconnected before its first frame")
        if not self._numbered and not self._own_numbers:
            return False
        self._identity.see(frame.unique_id, frame.time_ns if is_timed else None)
        if self._own_numbers or first is None:
            return False
        if self._identity.ids_stand:
            self._do_without_ids(frame)
        elif (has or frame.unique_id < first) and (is_new or was_cut_off):
            if was_cut_off:
                self._doubt_that("frames may be missing: its source disconnected, and its unique ids began anew")
            self._begin_anew(frame.unique_id, first)
        elif has:
            self._untold = True
            return True
        return False

    def _begin_anew(self, unique_id: int, first: int) -> None:
        """Ids usually begin with the same number each time: what is missing before this one is known by that."""
        base = self._base = first if self._base is None else min(self._base, first)
        if not self._tally.renumbered and not self._identity.is_repeated:
            _log.warning("%s: the unique ids begin anew with %d", self._detector, unique_id)
        if unique_id > base and self._identity.is_repeated:
            self._untold = True
            base = None
        elif unique_id < base:
            if unique_id not in _USUAL_FIRST_IDS:
                self._doubt_that(f"frames may be missing: its unique ids began anew with {unique_id}")
            base = None
        self._tally.begin_anew(base)

    def _do_without_ids(self, frame: Item) -> None:
        _log.warning(
            "%s: the unique id is always %d: frames are numbered as they come", self._detector, frame.unique_id
        )
        self._numbered = False
        self._own_numbers = self._untold = True

    def _is_new(self, frame: Item) -> bool:
        """Whether its time stamp is later than all before: the same id then is another frame."""
        return frame.is_stamped and frame.time_ns > self._latest_ns

    def _present_doubt(self) -> str:
        if self._unpaired:
            return self._unpaired
        if self._cut_off and not self._doubt:
            return "frames may be missing: its source disconnected, and no frame has come since"
        untold = self._untold and (self._identity.ids_differ or self._tally.duplicates)
        if not self._doubt and (untold or (self._tally.duplicates and self._identity.tells_nothing)):
            return "frames may be missing: its unique ids do not tell its frames apart"
        return self._doubt

    def _doubt_that(self, sentence: str) -> None:
        """Something may be missing; the first reason stands."""
        self._doubt = self._doubt or sentence

    def _produced_frames(self) -> int | None:
        """What it made since it was armed; None where the counter and the frames cannot be compared.

        That is where it was making frames when it was armed, and the counter not reset since, or still made them at
        the stop: which of them the counter had seen at that moment is not known.
        """
        unknown_start = self._was_running and not self._produced.was_reset
        if not self._produced.is_known or unknown_start or self._stop.is_passed:
            return None
        return self._produced.total

    def _put(self, frame: Item) -> None:
        if self._first is None:
            self._first = frame.unique_id
        try:
            if not self._inlet.put(frame):
                self._overruns += 1
        except FrameTooLargeError as problem:
            self.fail(f"{problem}; raise ring_mib of the detector")

    def _is_past_the_last(self, unique_id: int) -> bool:
        if self.declared is None or self._first is None or self._tally.renumbered:
            return False
        return unique_id >= self._first + self.declared + self._tally.skipped

    def _reach(self) -> None:
        self.reached = True
        self.news = True
