"""The receiver process of one detector: takes frames off the wire, accounts for them, puts them into the ring.

Started as `python -m beamsession.record.receiver <detector as JSON> <ring>`; see `beamsession.record.orders` for what
it is told and what it tells.
"""

from __future__ import annotations

import logging
import select
import sys
import time
from typing import Any

from pydantic import TypeAdapter

from beamsession.model.completeness import IdTally, account
from beamsession.model.detector import DetectorConfig, PvaDetector, StreamedDetector, TangoDetector
from beamsession.record.absence import Absences
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.link import Link, Message
from beamsession.record.orders import Received, Subscribe, format_to_json
from beamsession.record.ring import FrameTooLargeError, Inlet, Ring
from beamsession.record.sources.source import Connection, Source, SourceFailedError, UnusableFrameError, has_ids

_log = logging.getLogger(__name__)
_REPORT_S = 0.1
_LOOK_S = 0.005
_SETTLING_S = 2.0
_PUT_S = 1.0
_QUIET_S = 0.1  # so long without a frame: all that was posted before the stop is here
_LONGEST_STOP_S = 3.0
_LATECOMER_S = 0.5  # how long a frame that was overtaken by the last declared one is waited for


class Receiver:
    """One run at a time: subscribed from `subscribe` to `stop`, recording while armed and not paused."""

    def __init__(self, config: StreamedDetector, ring: Ring) -> None:
        self._config = config
        self._inlet = Inlet(ring)
        self._source = _source(config)
        self._settled = time.monotonic() + _SETTLING_S
        self._link = Link(self._command)
        self._intake: Intake | None = None
        self._changed = False
        self._next_report = 0.0

    def run(self) -> None:
        """Serve until the parent is gone; the run in progress then ends with what was received."""
        while self._link.open:
            idle = self._intake is None
            if self._link.poll(None if idle else self._pause(), (self._source.fileno(),)):
                self._take()
            self._look_after_the_run()
        self._stop(time.time_ns())
        while self._intake is not None:
            self._link.poll(self._pause(), (self._source.fileno(),))
            self._take()
            self._look_after_the_run()

    def _command(self, message: Message) -> Message | None:
        match message.pop("do"):
            case "check":
                return {"unconnected": list(self._unconnected())}
            case "subscribe":
                return self._subscribe(Subscribe.model_validate(message))
            case "arm":
                self._arm()
            case "pause":
                self._take_all()
                self._armed_intake().paused = True
            case "resume":
                self._take_all()
                self._armed_intake().paused = False
            case "stop":
                self._stop(message["at"])
            case "drop":
                self._end()
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")
        return None

    def _unconnected(self) -> tuple[str, ...]:
        """The PVs that do not answer; new channels get a moment to be found."""
        while (missing := self._source.unconnected()) and time.monotonic() < self._settled:
            select.select([self._source.fileno()], (), (), 0.05)
        return missing

    def _subscribe(self, order: Subscribe) -> Message:
        self._end()
        self._inlet.begin(order.epoch)
        form = self._source.subscribe(order.timeout)
        self._intake = Intake(self._config, self._inlet, order.frames)
        return {"format": None if form is None else format_to_json(form)}

    def _arm(self) -> None:
        self._source.halt(_PUT_S)  # a crash may have left it acquiring
        # What was posted until now is not part of the run.
        self._take_all()
        intake = self._armed_intake()
        intake.count_dropped(self._source.dropped())
        intake.absences.begin(self._source.connection())
        intake.armed = True
        self._source.start(self._config.open_end_frames if intake.declared is None else intake.declared)

    def _stop(self, at_ns: int) -> None:
        """Take what was posted until now, wherever it waits, then end."""
        intake = self._intake
        if intake is None or intake.stopping:
            return
        if intake.armed:
            self._source.halt()
        intake.stop(at_ns)
        self._source.settle()

    def _end(self) -> None:
        intake = self._intake
        if intake is None:
            return
        if intake.armed and not intake.stopping:
            self._source.halt()
        self._source.unsubscribe()
        self._inlet.end()
        self._report(intake, ended=True)
        self._intake = None

    def _pause(self) -> float:
        return _QUIET_S / 4 if self._intake is not None and self._intake.stopping else _REPORT_S

    def _armed_intake(self) -> Intake:
        if self._intake is None:
            raise ValueError("not subscribed")
        return self._intake

    def _take_all(self) -> None:
        """What is in the queue at this moment; a fast source can refill it for ever, so there is a limit."""
        self._source.settle()
        deadline = time.monotonic() + _REPORT_S
        while self._take() or self._source.holds_back():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            select.select([self._source.fileno()], (), (), min(remaining, _LOOK_S))

    def _take(self) -> bool:
        taken = False
        intake = self._intake
        try:
            for frame in self._source.frames():
                taken = True
                if intake is not None:
                    intake.look_at(self._source.connection())
                    intake.take(frame)
            if intake is not None:
                intake.look_at(self._source.connection())
                intake.count_dropped(self._source.dropped())
        except UnusableFrameError as problem:
            if intake is not None:
                intake.fail(f"a frame cannot be recorded: {problem}")
        except SourceFailedError as problem:
            if intake is not None:
                intake.fail(str(problem))
        self._changed = self._changed or taken
        return taken

    def _look_after_the_run(self) -> None:
        intake = self._intake
        now = time.monotonic()
        if intake is None:
            return
        if intake.reached or intake.is_over(now, held_back=self._source.holds_back()):
            self._end()
            return
        if now < self._next_report:
            return
        intake.look_at_the_end(now)
        if self._changed or intake.news:
            self._report(intake)
            self._next_report = now + _REPORT_S

    def _report(self, intake: Intake, *, ended: bool = False) -> None:
        self._changed = False
        self._link.send(intake.report(ended=ended).model_dump(mode="json"))


class Intake:
    """The frames of one run on their way into the ring, and their account."""

    def __init__(self, config: StreamedDetector, inlet: Inlet, declared: int | None) -> None:
        self._detector = config.name
        self.absences = Absences(numbered=has_ids(config))
        self._inlet = inlet
        self.declared = declared
        self.armed = False
        self.paused = False
        self.reached = False
        self.news = True
        self._tally = IdTally()
        self._first: int | None = None
        self._skipped = 0
        self._overruns = 0
        self._format: FrameFormat | None = None
        self._failure = ""
        self._overtaken_since: float | None = None
        self._dropped_last: int | None = None
        self._dropped = 0
        self._stop_ns: int | None = None
        self._stopping_since = 0.0
        self._last_frame = 0.0
        self._passed_the_stop = False
        self._source_ahead_ns = 0

    def take(self, frame: Frame) -> None:
        """Record one frame, or leave it out where it is not to be recorded."""
        if not self.armed or self.reached or self._failure:
            return
        if self._is_after_the_stop(frame):
            self._passed_the_stop = True
            return
        self._last_frame = time.monotonic()
        self.absences.end(frame.unique_id)
        if self.paused:
            self._tally.skip(frame.unique_id)
            self._skipped += 1
            return
        if self._format is None:
            self._format = frame.format
        elif frame.format != self._format:
            self.fail(f"frame size changed from {self._format} to {frame.format}")
            return
        if self._is_past_the_last(frame.unique_id):
            self._reach()
            return
        if self._tally.add(frame.unique_id):
            self._put(frame)
        if self.declared is not None and self._tally.received >= self.declared:
            self._reach()

    def look_at(self, connection: Connection) -> None:
        """Note whether the source is there; a time in which nothing is recorded does not count."""
        if self.armed and self.absences.look(connection, self._tally.last, recording=not self.paused):
            self.news = True

    def count_dropped(self, counter: int | None) -> None:
        """Add the growth of the detector's own counter since the last call; one that was reset begins at 0."""
        if counter is None or counter == self._dropped_last:
            return
        if self.armed and self._dropped_last is not None:
            self._dropped += counter - self._dropped_last if counter > self._dropped_last else counter
            self.news = True
        self._dropped_last = counter

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

    def report(self, *, ended: bool) -> Received:
        """The account at this moment, as if all but the overruns were written."""
        self.news = False
        return Received(
            account=account(
                self._detector,
                self._tally,
                written=self._tally.received - self._overruns,
                expected=None,
                dropped_by_detector=self._dropped,
                interruptions=self.absences.sentences(),
            ),
            reached=self.reached,
            ended=ended,
            failure=self._failure,
        )

    def _is_after_the_stop(self, frame: Frame) -> bool:
        """By its time stamp; a source whose clock is ahead is given what it was seen to be ahead."""
        self._source_ahead_ns = max(self._source_ahead_ns, frame.time_ns - frame.receive_ns)
        if self._stop_ns is None or frame.time_ns == frame.receive_ns:
            return False
        return frame.time_ns - self._source_ahead_ns > self._stop_ns

    def _put(self, frame: Frame) -> None:
        if self._first is None:
            self._first = frame.unique_id
        try:
            if not self._inlet.put(frame):
                self._overruns += 1
        except FrameTooLargeError as problem:
            self.fail(f"{problem}; raise ring_mib of the detector")

    def _is_past_the_last(self, unique_id: int) -> bool:
        if self.declared is None or self._first is None:
            return False
        return unique_id >= self._first + self.declared + self._skipped

    def _reach(self) -> None:
        self.reached = True
        self.news = True


def _source(config: StreamedDetector) -> Source:
    """The source for a detector; only the client library it needs is imported."""
    if isinstance(config, PvaDetector):
        from beamsession.record.sources.pva import PvaSource

        return PvaSource(config)
    if isinstance(config, TangoDetector):
        from beamsession.record.sources.tango import TangoSource

        return TangoSource(config)
    from beamsession.record.sources.ca import CaSource

    return CaSource(config)


def main(arguments: list[str]) -> None:
    """Serve one detector until the parent process is gone."""
    detector, ring = arguments
    adapter: TypeAdapter[Any] = TypeAdapter(DetectorConfig)
    Receiver(adapter.validate_json(detector), Ring.inherited(ring)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
