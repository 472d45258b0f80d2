"""The detectors and readings of one run, told the same thing at the same time and looked at together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from beamsession.model.completeness import Completeness
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.deadline import Lane, gather, sentence_of
from beamsession.record.detector import Detector, Progress
from beamsession.record.readings.reading import Reading
from beamsession.record.scalars import ReadingsLost, Scalars

# An order is a message to a child process; only a process that hangs lets one wait this long.
_ORDER_S = 10.0
_LOOK_S = 0.5
_PAUSE_S = 0.02
_SILENT_S = 10.0
_LEAD_NS = 50_000_000
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """All of a run at one moment: accounts in the plan's order, bytes per second, readings, what broke or is wrong."""

    accounts: tuple[Completeness, ...]
    rate: float
    readings: int
    lost: ReadingsLost
    failures: Mapping[str, str]
    closed: bool
    finished: bool
    warnings: tuple[Problem, ...] = ()


class Crew:
    """Who works on one run. Raises what its members raise; the first of several."""

    def __init__(self, plan: RunPlan, detectors: Sequence[Lane[Detector]], scalars: Lane[Scalars]) -> None:
        self._plan = plan
        self._detectors = detectors
        self._scalars = scalars
        self._prepared: list[Lane[Detector]] = []
        self._scalars_prepared = False
        self._scalars_seen = (0, ReadingsLost(), "")
        self._progress = {lane.name: _nothing_yet(lane.name, plan.frames_of(lane.name)) for lane in detectors}
        self._heard = dict.fromkeys(self._progress, time.monotonic())
        self._short_since: float | None = None

    def prepare(self) -> Mapping[str, Reading]:
        """Open all sources and files at once; the constants at start."""
        slowest = max((detector.prepare_s for detector in self._plan.detectors), default=0.0)
        patience = self._plan.connect_timeout_s + _ORDER_S + slowest
        orders = [lane.submit(lambda detector: detector.prepare(self._plan)) for lane in self._detectors]
        constants = self._scalars.submit(lambda scalars: scalars.prepare(self._plan))
        faults: list[Exception] = []
        for lane, order in zip(self._detectors, orders, strict=True):
            try:
                order.result(patience)
                self._prepared.append(lane)
            except Exception as fault:
                faults.append(_named(lane.name, fault))
                if not order.done():  # It may still succeed, too late: then it has to let go again.
                    lane.submit(lambda detector: detector.stop(drain=False))
        try:
            samples = constants.result(patience)
            self._scalars_prepared = True
        except Exception as fault:
            faults.append(_named(self._scalars.name, fault))
            samples = {}
        if faults:
            raise faults[0]
        return samples

    def arm(self) -> None:
        """Record from now on. Who makes something acquire comes last, when all others take what it makes."""
        starting = {detector.name for detector in self._plan.detectors if detector.starts_frames}
        self._order(lambda detector: detector.arm(), self._all_but(starting))
        self._order(lambda detector: detector.arm(), self._only(starting))

    def pause(self, at_ns: int) -> int:
        """Let frames posted after `at_ns` (since 1970) pass unrecorded; the moment from which on all do."""
        halted = self._order(lambda detector: detector.pause(at_ns), self._only(self._resting))
        # What these made until they stood still, the others have as well.
        then = max([at_ns, *(moment + _LEAD_NS for moment in halted)])
        return max([then, *self._order(lambda detector: detector.pause(then), self._all_but(self._resting))])

    def resume(self, at_ns: int) -> int:
        """Record those posted after `at_ns` again; the moment from which on all do."""
        moment = max([at_ns, *self._order(lambda detector: detector.resume(at_ns), self._all_but(self._resting))])
        resting = self._only(self._resting)
        if resting:  # Their first frame is to be one for the others too.
            time.sleep(max(moment - time.time_ns(), 0) / 1e9)
        return max([moment, *self._order(lambda detector: detector.resume(moment), resting)])

    def stop(self, *, drain: bool) -> None:
        """Take no more frames; does not wait for the files."""
        self._order(lambda detector: detector.stop(drain=drain))

    def stop_scalars(self) -> Mapping[str, Reading]:
        """End the readings; the constants at the end."""
        if not self._scalars_prepared:
            return {}
        return self._scalars.call(lambda scalars: scalars.stop(), self._plan.connect_timeout_s + _ORDER_S)

    def look(self) -> Look:
        """How far everybody is; a member that is late is shown as last seen, and as broken when it stays so."""
        asked = {lane: lane.submit(lambda detector: detector.progress()) for lane in self._prepared}
        count = self._scalars.submit(lambda scalars: (scalars.count, scalars.lost, scalars.failure))
        failures: dict[str, str] = {}
        for lane, answer in asked.items():
            self._hear(lane, answer)
            if failure := self._progress[lane.name].failure:
                failures[lane.name] = failure
        self._scalars_seen = _answer_or(count, self._scalars_seen)
        readings, lost, broken = self._scalars_seen
        if broken:
            failures[self._scalars.name] = broken
        seen = [self._progress[lane.name] for lane in self._detectors]
        return Look(
            accounts=tuple(progress.account for progress in seen),
            rate=sum(progress.rate for progress in seen),
            readings=readings,
            lost=lost,
            failures=failures,
            closed=all(self._progress[lane.name].closed for lane in self._prepared),
            finished=self._is_finished(seen),
            warnings=tuple(warning for progress in seen for warning in progress.warnings),
        )

    def files(self) -> dict[str, Path]:
        """The data files that were made for this run, by detector; the table of readings under its lane's name."""
        files: dict[str, Path] = {}
        for lane in self._prepared:
            if path := lane.call(lambda detector: detector.data_file(), _ORDER_S):
                files[lane.name] = path
        if self._scalars_prepared and (table := self._scalars.call(lambda scalars: scalars.data_file(), _ORDER_S)):
            files[self._scalars.name] = table
        return files

    def discard(self, patience_s: float) -> None:
        """Remove the files of a run that never recorded, once they are closed; one that holds a frame stays."""
        self.stop(drain=False)
        deadline = time.monotonic() + patience_s
        while not (look := self.look()).closed and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
        files = self.files()
        self.stop_scalars()
        written = {account.detector: account.written for account in look.accounts}
        for name, path in files.items():
            if look.closed and not written.get(name):
                path.unlink(missing_ok=True)

    @property
    def scalars_name(self) -> str:
        """The key of the table of readings in `files` and `failures`."""
        return self._scalars.name

    @property
    def _resting(self) -> set[str]:
        return {detector.name for detector in self._plan.detectors if detector.rests_in_pauses}

    def _only(self, names: set[str]) -> list[Lane[Detector]]:
        return [lane for lane in self._prepared if lane.name in names]

    def _all_but(self, names: set[str]) -> list[Lane[Detector]]:
        return [lane for lane in self._prepared if lane.name not in names]

    def _order(self, work: Callable[[Detector], T], lanes: Sequence[Lane[Detector]] | None = None) -> list[T]:
        told = self._prepared if lanes is None else lanes
        answers, faults = gather([lane.submit(work) for lane in told], _ORDER_S)
        if faults:
            raise faults[0]
        return answers

    def _hear(self, lane: Lane[Detector], answer: Future[Progress]) -> None:
        now = time.monotonic()
        try:
            self._progress[lane.name] = answer.result(_LOOK_S)
            self._heard[lane.name] = now
        except Exception as fault:
            late = isinstance(fault, TimeoutError) and not answer.done()
            if late and now - self._heard[lane.name] < _SILENT_S:
                return
            sentence = f"it has not answered for {_SILENT_S:g} s" if late else sentence_of(fault)
            self._progress[lane.name] = self._progress[lane.name].model_copy(update={"failure": sentence})

    def _is_finished(self, seen: Sequence[Progress]) -> bool:
        """Whether every detector that counts frames has had its declared number.

        Lost frames count as had, or a run that lost one would never end; but a frame that is only late must get its
        chance, so a number reached that way has to stand for a moment.
        """
        if self._plan.frames is None:
            return False
        counting = [(progress, progress.account.expected) for progress in seen if progress.account.expected is not None]
        if not counting:
            return False
        if all(progress.closed or progress.account.received >= expected for progress, expected in counting):
            return True
        if not all(
            progress.closed or progress.account.received + progress.account.lost >= expected
            for progress, expected in counting
        ):
            self._short_since = None
            return False
        self._short_since = self._short_since or time.monotonic()
        return time.monotonic() - self._short_since > _LOOK_S


def _nothing_yet(detector: str, frames: int | None) -> Progress:
    return Progress(account=Completeness(detector=detector, expected=frames, missing=frames or 0))


def _named(name: str, fault: Exception) -> Exception:
    if isinstance(fault, BeamsessionError):
        return fault
    return UnavailableError(
        f"'{name}' could not be prepared: {sentence_of(fault)}",
        code="ENGINE_BROKEN",
        value=name,
        remedy="Look at the recorder's log; restart the recorder if it stays so.",
    )


def _answer_or(answer: Future[T], otherwise: T) -> T:
    try:
        return answer.result(_LOOK_S)
    except Exception:
        return otherwise
