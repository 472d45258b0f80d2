"""The frames of one run on their way into the ring, and their account."""

from __future__ import annotations

import logging
import time
from typing import Any, Protocol

from beamsession.model.completeness import IdTally, account
from beamsession.record.frame_clock import FrameClock
from beamsession.record.gate import Gate
from beamsession.record.growth import Growth
from beamsession.record.orders import Received
from beamsession.record.ring import FrameTooLargeError
from beamsession.record.sources.source import Count

_QUIET_S = 0.1  # so long without a frame: all that was posted before the stop is here
_LONGEST_STOP_S = 3.0
_LATECOMER_S = 0.5  # how long a frame that was overtaken by the last declared one is waited for
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
        self.reached = False
        self.news = True
        self._clock = FrameClock()
        self._tally = IdTally()
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
        self._stop_ns: int | None = None
        self._stopping_since = 0.0
        self._last_frame = 0.0
        self._passed_the_stop = False

    def take(self, frame: Item, empty_ns: int) -> None:
        """Record one frame, or leave it out where it is not to be recorded; see FrameClock for `empty_ns`."""
        if frame.is_stamped:
            self._clock.see(frame.time_ns, frame.receive_ns, empty_ns)
        if not self.armed:
            self._was_running = True
            return
        if self.reached or self._failure:
            return
        posted = self._clock.ours(frame.time_ns) if frame.is_stamped else None
        if self._stop_ns is not None and posted is not None and posted > self._stop_ns:
            self._pass_the_stop(frame)
            return
        self._last_frame = time.monotonic()
        self._latest_posted_ns = max(self._latest_posted_ns, posted or 0)
        if self._cut_off and self._is_sent_again(frame):
            return
        self._follow_ids(frame)
        if self._gate.shuts_out(posted):
            self._tally.skip(frame.unique_id)
            return
        self._record(frame)

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
            if self._stop_ns is None or made_ns <= self._stop_ns:
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
        return self._stop_ns is not None

    def stop(self, at_ns: int) -> None:
        """Take no frame that was posted after `at_ns`."""
        self._stop_ns = at_ns
        self._stopping_since = time.monotonic()

    def is_over(self, now: float, *, held_back: bool) -> bool:
        """Whether a stop is done: a later frame has come, or none for a while, or it takes too long."""
        if not self.stopping:
            return False
        quiet = now - max(self._last_frame, self._stopping_since) > _QUIET_S and not held_back
        return (
            quiet
            or self._passed_the_stop
            or not self.armed
            or bool(self._failure)
            or now - self._stopping_since > _LONGEST_STOP_S
        )

    def look_at_the_end(self, now: float) -> None:
        """Find out whether the declared number was produced though some frames never came."""
        if self.reached or self.declared is None or self._first is None:
            return
        lost = self._tally.lost
        if self._tally.received + lost < self.declared:
            self._overtaken_since = None
        elif self._overtaken_since is None:
            self._overtaken_since = now
        elif now - self._overtaken_since > _LATECOMER_S:
            self._reach()

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
        )

    def _pass_the_stop(self, frame: Item) -> None:
        """The first frame after the stop shows by its id whether all before it came."""
        last = self._tally.last
        if self._numbered and not self._passed_the_stop and last is not None and frame.unique_id > last:
            self._tally.pass_by(frame.unique_id)
        self._passed_the_stop = True

    def _record(self, frame: Item) -> None:
        if self._format is None:
            self._format = frame.format
        elif frame.format != self._format:
            self.fail(self._format.changed_to(frame.format))
            return
        if self._is_past_the_last(frame.unique_id):
            self._reach()
            return
        if self._tally.add(frame.unique_id):
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

    def _follow_ids(self, frame: Item) -> None:
        """See whether the ids go on or begin anew, and after a disconnection whether they can tell what is missing."""
        first = self._tally.first
        anew = (
            first is not None
            and (frame.unique_id < first or self._tally.has(frame.unique_id))
            and (self._is_new(frame) or (self._cut_off and self._numbered))
        )
        if self._cut_off:
            self._cut_off = False
            if not self._numbered:
                self._doubt = "frames may be missing: its source disconnected, and its frames have no unique ids"
            elif anew:
                self._doubt = "frames may be missing: its source disconnected, and its unique ids began anew"
            elif first is None:
                self._doubt = "frames may be missing: its source disconnected before its first frame"
        if anew:
            _log.warning("%s: the unique ids begin anew with %d", self._detector, frame.unique_id)
            self._tally.begin_anew()
        self._latest_ns = max(self._latest_ns, frame.time_ns)

    def _is_new(self, frame: Item) -> bool:
        """Whether its time stamp is later than all before: the same id then is another frame."""
        return frame.is_stamped and frame.time_ns > self._latest_ns

    def _present_doubt(self) -> str:
        if self._cut_off and not self._doubt:
            return "frames may be missing: its source disconnected, and no frame has come since"
        return self._doubt

    def _produced_frames(self) -> int | None:
        """What it made since it was armed; None where the counter and the frames cannot be compared.

        That is where it was making frames when it was armed, and the counter not reset since, or still made them at
        the stop: which of them the counter had seen at that moment is not known.
        """
        unknown_start = self._was_running and not self._produced.was_reset
        if not self._produced.is_known or unknown_start or self._passed_the_stop:
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
