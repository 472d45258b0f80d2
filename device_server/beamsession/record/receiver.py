"""The receiver process of one detector: takes frames off the wire, accounts for them, puts them into the ring.

Started as `python -m beamsession.record.receiver <detector as JSON> <ring>`; see `beamsession.record.orders` for what
it is told and what it tells.
"""

from __future__ import annotations

import gc
import select
import sys
import time
from typing import Any

from pydantic import TypeAdapter

from beamsession.model.detector import DetectorConfig, PvaDetector, StreamedDetector, TangoDetector
from beamsession.record.intake import Intake
from beamsession.record.link import Link, Message
from beamsession.record.orders import Subscribe, format_to_json
from beamsession.record.pace import Pace
from beamsession.record.ring import Inlet, Ring
from beamsession.record.sources.source import Source, SourceFailedError, UnusableFrameError

_REPORT_S = 0.1
_LOOK_S = 0.005
_SETTLING_S = 2.0
_PUT_S = 1.0
_STOPPING_S = 0.025
# How long the client library waits for the interpreter at most: servers throw frames away while it does.
_SWITCH_S = 0.0005


class Receiver:
    """One run at a time: subscribed from `subscribe` to `stop`, recording while armed and not gated (a pause)."""

    def __init__(self, config: StreamedDetector, ring: Ring) -> None:
        self._config = config
        self._inlet = Inlet(ring)
        self._source = _source(config)
        self._settled = time.monotonic() + _SETTLING_S
        self._link = Link(self._command)
        self._pace = Pace()
        self._intake: Intake | None = None
        self._empty_ns = 0  # when nothing was waiting for the last time
        self._unconnected_now: tuple[str, ...] = ()
        self._changed = False
        self._next_report = 0.0

    def run(self) -> None:
        """Serve until the parent is gone; the run in progress then ends with what was received."""
        while self._link.open:
            idle = self._intake is None
            self._pace.wait()
            if self._link.poll(None if idle else self._pause(), (self._source.fileno(),)):
                self._link.poll()  # an order that is here as well comes before the frames
                self._take()
            elif self._holds_back():
                self._take()
            else:
                self._empty_ns = time.time_ns()
            self._look_after_the_run()
        self._stop(time.time_ns())
        while self._intake is not None:
            self._link.poll(self._pause(), (self._source.fileno(),))
            self._take()
            self._look_after_the_run()

    def _command(self, message: Message) -> Message | None:
        match message.pop("do"):
            case "check":
                missing = self._unconnected()
                if missing:
                    return {"unconnected": list(missing), "frame_bytes": None, "hint": ""}
                return {"unconnected": [], "frame_bytes": self._source.frame_bytes(), "hint": self._source.hint()}
            case "subscribe":
                return self._subscribe(Subscribe.model_validate(message))
            case "arm":
                self._arm()
            case "gate":
                return {"at": self._gate(closed=message["closed"], at_ns=message["at"])}
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
        self._intake = Intake(self._config.name, self._inlet, order.frames, numbered=self._source.numbered)
        self._empty_ns, self._unconnected_now = 0, ()
        return {"format": None if form is None else format_to_json(form)}

    def _arm(self) -> None:
        self._source.halt(_PUT_S)  # a crash may have left it acquiring
        # What was posted until now is not part of the run.
        self._take_all()
        intake = self._armed_intake()
        self._count(intake)
        intake.arm(time.time_ns())
        self._source.start(self._config.open_end_frames if intake.declared is None else intake.declared)

    def _gate(self, *, closed: bool, at_ns: int) -> int:
        intake = self._intake
        if intake is None:
            return at_ns  # It has its declared number already; a pause is for the others.
        moment = intake.gate(closed=closed, at_ns=at_ns)
        self._take_all()
        intake.settle()
        return moment

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
        intake.doubt_ids(self._source.doubt)
        self._source.unsubscribe()
        self._inlet.end()
        self._report(intake, ended=True)
        self._intake = None

    def _pause(self) -> float:
        """How long nothing needs to be looked at."""
        is_stopping = self._intake is not None and self._intake.stopping
        return _STOPPING_S if is_stopping or self._holds_back() else _REPORT_S

    def _holds_back(self) -> bool:
        """Whether frames of a run wait in the source: no signal may come when their time is over."""
        return self._intake is not None and self._source.holds_back()

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
                    intake.count_disconnections(self._source.disconnections())
                    intake.take(frame, self._empty_ns)
                    if self._source.was_full:
                        intake.miss_updates()
            if intake is not None:
                self._count(intake)
        except UnusableFrameError as problem:
            if intake is not None:
                intake.fail(f"a frame cannot be recorded: {problem}")
        except SourceFailedError as problem:
            if intake is not None:
                intake.fail(str(problem))
        if not taken:
            self._empty_ns = time.time_ns()
        self._changed = self._changed or taken
        return taken

    def _count(self, intake: Intake) -> None:
        """What the PVs beside the frames tell."""
        intake.count_dropped(self._source.dropped())
        intake.count_produced(self._source.produced())
        intake.doubt_ids(self._source.doubt)
        intake.count_disconnections(self._source.disconnections())

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
        unconnected = self._source.unconnected()
        if unconnected != self._unconnected_now:
            self._unconnected_now = unconnected
            self._changed = True
        if self._changed or intake.news:
            self._report(intake)
            self._next_report = now + _REPORT_S

    def _report(self, intake: Intake, *, ended: bool = False) -> None:
        self._changed = False
        exposure = self._source.exposure()
        received = intake.report(ended=ended, unconnected=self._unconnected_now, exposure_s=exposure)
        self._link.send(received.model_dump(mode="json"))


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
    receiver = Receiver(adapter.validate_json(detector), Ring.inherited(ring))
    # What lives as long as the process is never garbage; looking through it would hold up frames.
    gc.freeze()
    sys.setswitchinterval(_SWITCH_S)
    receiver.run()


if __name__ == "__main__":
    main(sys.argv[1:])
