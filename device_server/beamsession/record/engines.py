"""The detectors and readings of a recorder over its life: started side by side, watched, ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container, Mapping
from typing import TypeVar

from beamsession.model.detector import ExternalConfig
from beamsession.model.errors import UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.deadline import Lane, gather, sentence_of
from beamsession.record.detector import Detector
from beamsession.record.scalars import Scalars

_TICK_S = 0.1
_COUNT_S = 1.0
_CHECK_S = 5.0
SCALARS = "readings"
"""The name of the lane of readings and constants; no detector can have it."""
E = TypeVar("E", Detector, Scalars)
_log = logging.getLogger(__name__)


class Engines:
    """Each engine is built in the thread of its own lane. `at_work` names those that a live run has.

    An engine that is not at work is asked now and then whether it could begin a run; this also replaces processes
    that died. What is found is in `problems`; of those at work their run tells what is wrong.
    """

    def __init__(
        self,
        detectors: Mapping[str, Callable[[], Detector]],
        scalars: Callable[[], Scalars],
        at_work: Callable[[], Container[str]],
    ) -> None:
        self.detectors = {key: Lane(key, _answering(build)) for key, build in detectors.items()}
        self.scalars = Lane(SCALARS, _answering(scalars))
        self._at_work = at_work
        self._lock = threading.Lock()
        self._pids: dict[str, dict[str, int]] = {}
        self._found: dict[str, tuple[Problem, ...]] = {}
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="engine watch", daemon=True).start()

    @property
    def lanes(self) -> list[Lane[Detector] | Lane[Scalars]]:
        """All of them."""
        return [*self.detectors.values(), self.scalars]

    def chosen(self, plan: RunPlan) -> list[Lane[Detector]]:
        """The plan's detectors, in its order; those that are not there are in `unknown`."""
        return [self.detectors[item.name] for item in plan.detectors if item.name in self.detectors]

    def unknown(self, plan: RunPlan) -> list[Problem]:
        """UNKNOWN_DETECTOR for each of the plan's detectors that is not there."""
        return [
            Problem(
                code="UNKNOWN_DETECTOR",
                sentence=f"The recorder has no detector '{item.name}'.",
                remedy="Restart the recorder if the configuration has changed.",
            )
            for item in plan.detectors
            if item.name not in self.detectors
        ]

    def let_go(self, plan: RunPlan, patience_s: float) -> list[str]:
        """Have its detectors end what an earlier process began for this run; what could not be ended, in sentences."""
        deadline = time.monotonic() + patience_s
        external = plan.model_copy(
            update={"detectors": tuple(item for item in plan.detectors if isinstance(item, ExternalConfig))}
        )
        asked = {lane.name: lane.submit(lambda detector: detector.recover(plan)) for lane in self.chosen(external)}
        notes = [f"{problem.sentence} It was not told to end." for problem in self.unknown(external)]
        for name, answer in asked.items():
            try:
                answer.result(max(deadline - time.monotonic(), 0.0))
            except Exception as fault:
                _log.exception("what an earlier process began with '%s' could not be ended", name)
                notes.append(f"{name}: {sentence_of(fault)}")
        return notes

    def pids(self) -> dict[str, int]:
        """All processes by role, as last counted."""
        with self._lock:
            return {role: pid for pids in self._pids.values() for role, pid in pids.items()}

    def problems(self) -> list[Problem]:
        """What is wrong with them; the code STARTING until all have answered once."""
        at_work = self._at_work()
        with self._lock:
            waiting = [lane.name for lane in self.lanes if lane.name not in self._pids and not lane.broken]
            found = {name: problems for name, problems in self._found.items() if name not in at_work}
        found |= {lane.name: (_broken(lane),) for lane in self.lanes if lane.broken}
        starting = [Problem(code="STARTING", sentence=f"Starting: {', '.join(waiting)}.")] if waiting else []
        return [*starting, *(self._about(name, problem) for name in found for problem in found[name])]

    def _about(self, lane: str, problem: Problem) -> Problem:
        return problem.model_copy(update={"detector": lane}) if lane in self.detectors else problem

    def shutdown(self, patience_s: float) -> None:
        """End all processes; those that hang are left to find that nobody is there any more."""
        self._ended.set()
        ends = [lane.submit(lambda engine: engine.shutdown()) for lane in self.lanes if not lane.broken]
        for fault in gather(ends, patience_s)[1]:
            _log.error("an engine did not end in order: %s", sentence_of(fault))
        for lane in self.lanes:
            lane.close()

    def _watch(self) -> None:
        next_check = time.monotonic() + _CHECK_S
        while not self._ended.wait(_COUNT_S if all(lane.is_ready for lane in self.lanes) else _TICK_S):
            usable = [lane for lane in self.lanes if lane.is_ready and not lane.broken]
            for lane in usable:
                self._count(lane)
            self._forget(at_work := self._at_work())
            if time.monotonic() > next_check:
                for lane in usable:
                    if lane.name not in at_work:
                        self._check(lane)
                next_check = time.monotonic() + _CHECK_S

    def _forget(self, at_work: Container[str]) -> None:
        """What was found before a run is no news after it."""
        with self._lock:
            self._found = {name: problems for name, problems in self._found.items() if name not in at_work}

    def _count(self, lane: Lane[Detector] | Lane[Scalars]) -> None:
        try:
            pids = lane.call(lambda engine: engine.pids(), _TICK_S)
        except UnavailableError:
            return  # It is busy: what was known of it stays.
        except Exception:
            _log.exception("the processes of '%s' could not be counted", lane.name)
            return
        with self._lock:
            self._pids[lane.name] = pids

    def _check(self, lane: Lane[Detector] | Lane[Scalars]) -> None:
        try:
            # After `shutdown` it would start processes anew.
            found = lane.call(lambda engine: () if self._ended.is_set() else engine.check(), _CHECK_S)
        except UnavailableError as fault:
            found = (Problem(code=fault.code, sentence=fault.sentence, remedy=fault.remedy),)
        except Exception as fault:
            _log.exception("'%s' could not be checked", lane.name)
            found = (_failed(lane, sentence_of(fault)),)
        with self._lock:
            self._found[lane.name] = found


def _answering(build: Callable[[], E]) -> Callable[[], E]:
    """Build the engine and have its processes answer once: the first run shall not wait for their start."""

    def built() -> E:
        engine = build()
        engine.check()
        return engine

    return built


def _failed(lane: Lane[Detector] | Lane[Scalars], why: str) -> Problem:
    return Problem(
        code="ENGINE_BROKEN",
        sentence=f"'{lane.name}' could not be checked: {why}",
        remedy="Look at the recorder's log; restart the recorder if it stays so.",
    )


def _broken(lane: Lane[Detector] | Lane[Scalars]) -> Problem:
    return Problem(
        code="ENGINE_BROKEN",
        sentence=f"'{lane.name}' could not be started: {lane.broken}",
        remedy="Correct its configuration and restart the recorder.",
    )
