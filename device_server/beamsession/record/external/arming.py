"""A run of a detector that is only armed and disarmed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from beamsession.model.completeness import Completeness
from beamsession.model.detector import ArmedDetector, Put
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.report import Problem
from beamsession.record.external.messages import Begin, Told
from beamsession.record.external.pvs import Pvs
from beamsession.record.external.stage import Patience
from beamsession.record.growth import Growth

_LOOK_S = 0.2
_SILENT_S = 4.0
_SETTLE_S = 2.0  # so long without a further frame: the declared number will not be reached
_LAST_S = 5.0  # the same while nobody has stopped it, and three times the longest that it was silent
_log = logging.getLogger(__name__)


class Arming:
    """Implements `beamsession.record.external.work.Work`."""

    def __init__(self, config: ArmedDetector) -> None:
        self._config = config
        watched = tuple(name for name in (config.count_pv, config.busy_pv) if name is not None)
        self._names = tuple(dict.fromkeys((*(put.pv for put in (*config.arm, *config.disarm)), *watched)))
        self._pvs = Pvs(self._names)
        self._patience = Patience()
        self._reset()

    @property
    def busy(self) -> bool:
        return self._live

    def problems(self) -> tuple[Problem, ...]:
        found = [*self._silent(0.0)] or [*self._refused()]
        if not found and self._is_busy():
            found = [
                Problem(
                    code="DETECTOR_BUSY",
                    sentence=f"The detector {self._config.name} is at work ({self._config.busy_pv} is not 0).",
                    remedy="Wait until it is done, or stop it.",
                )
            ]
        return tuple(found)

    def begin(self, order: Begin) -> None:
        for problem in (*self._silent(order.timeout_s), *self.problems()):
            raise RefusedError(problem.sentence, code=problem.code, value=self._config.address, remedy=problem.remedy)
        self._reset()
        self._expected = order.frames
        try:
            self._count()
            self._last_frame = time.monotonic()
            self._put_all(self._config.arm)
        except BeamsessionError as fault:
            self._disarm()
            raise RefusedError(
                f"The detector {self._config.name} could not be armed: {fault.sentence}",
                code="ARM_FAILED",
                value=fault.value,
                remedy=fault.remedy,
            ) from fault
        self._live = True

    def arm(self) -> None:
        """It is armed; its frames count from now on."""
        self._count()
        self._early, self._frames.total = self._frames.total, 0
        self._armed = True

    def pause(self) -> None:
        """Its frames go on counting: it is not known which of them belong to a pause."""

    def resume(self) -> None:
        """See `pause`."""

    def stop(self, *, drain: bool) -> None:
        if not self._live:
            return
        if not self._stopping or not drain:
            self._patience.restart()
            self._stop_since = time.monotonic()
        self._stopping = True
        self._patient = drain

    def discard(self) -> None:
        if self._live:
            self._disarm()
            self._live, self._closed = False, True

    def recover(self, order: Begin) -> None:
        self._reset()
        self._expected = order.frames
        for problem in self._silent(_SILENT_S):
            self._fail(problem.sentence)
        if not self._failure:
            self._disarm()
        self._closed = True

    def step(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        try:
            self._count()
            self._heard = time.monotonic()
            self._notice_that_it_is_spent()
        except BeamsessionError as fault:
            if time.monotonic() - self._heard > _SILENT_S:
                self._fail(f"the detector {self._config.name} does not answer any more: {fault.sentence}")
                self._stopping, self._patient = True, False
        if self._stopping and self._has_come_to_rest():
            self._disarm()
            self._live, self._closed = False, True

    def told(self) -> Told:
        frames, expected = self._frames.total, self._expected
        known = Completeness(detector=self._config.name, expected=expected, received=frames, written=frames)
        if self._is_spent and expected is not None:
            few = f"{self._early} of its frames came" if self._early > 1 else "one of its frames came"
            doubt = f"{few} before the run recorded: let arm have it wait for its trigger"
            known = known.model_copy(update={"lost": max(expected - frames, 0), "doubt": doubt})
        account = known.settled(written=frames, expected=expected) if self._closed else known
        return Told(account=account, closed=self._closed, failure=self._failure)

    def _notice_that_it_is_spent(self) -> None:
        """Whether it made its declared number, but a part of it before the run recorded: the rest never comes."""
        frames, expected = self._frames.total, self._expected
        if not self._armed or not self._early or expected is None or frames + self._early < expected:
            return
        silent = time.monotonic() - self._last_frame
        if frames < expected and silent > max(_LAST_S, 3 * self._longest_gap) and not self._is_busy():
            self._is_spent = True

    def _has_come_to_rest(self) -> bool:
        """Whether it may be disarmed: nothing works any more, and no frame is waited for."""
        if not self._patient:
            return True
        waited = time.monotonic() - self._stop_since
        if self._is_busy():
            if waited < self._config.busy_wait_s:
                return False
            self._fail(f"the detector {self._config.name} was still at work after {self._config.busy_wait_s:g} s")
            return True
        frames = self._frames.total
        return self._expected is None or frames >= self._expected or self._patience.stands_still(frames, _SETTLE_S)

    def _disarm(self) -> None:
        """All of it, also after one of them has failed."""
        for put in self._config.disarm:
            try:
                self._pvs.put(put.pv, put.value, wait=put.wait, timeout=put.timeout_s)
            except BeamsessionError as fault:
                self._fail(f"the detector {self._config.name} could not be disarmed: {fault.text}")

    def _put_all(self, puts: Sequence[Put]) -> None:
        for put in puts:
            self._pvs.put(put.pv, put.value, wait=put.wait, timeout=put.timeout_s)

    def _count(self) -> None:
        if self._config.count_pv is not None:
            if self._frames.see(int(self._pvs.number(self._config.count_pv))):
                now = time.monotonic()
                self._longest_gap = max(self._longest_gap, now - self._last_frame)
                self._last_frame = now
        elif not all(self._pvs.has(name) for name in self._names):
            self._pvs.number(next(name for name in self._names if not self._pvs.has(name)))

    def _is_busy(self) -> bool:
        try:
            return self._config.busy_pv is not None and bool(self._pvs.number(self._config.busy_pv))
        except BeamsessionError:
            return False  # That it does not answer is told elsewhere.

    def _silent(self, timeout: float) -> list[Problem]:
        missing = self._pvs.unconnected(self._names, timeout)
        if not missing:
            return []
        verb = "does" if len(missing) == 1 else "do"
        return [
            Problem(
                code="PV_TIMEOUT",
                sentence=f"{', '.join(missing)} of detector {self._config.name} {verb} not answer.",
                remedy="Check that its IOC runs and that the names are right.",
            )
        ]

    def _refused(self) -> list[Problem]:
        puts = (*self._config.arm, *self._config.disarm)
        sentences = dict.fromkeys(self._pvs.refusal(put.pv, put.value) for put in puts)
        return [
            Problem(code="BAD_VALUE", sentence=sentence, remedy="Correct arm or disarm in the configuration.")
            for sentence in sentences
            if sentence
        ]

    def _fail(self, sentence: str) -> None:
        if not self._failure:
            _log.error("%s", sentence)
            self._failure = sentence

    def _reset(self) -> None:
        self._frames = Growth()
        self._expected: int | None = None
        self._live = self._closed = self._stopping = self._armed = self._is_spent = False
        self._early = 0
        self._last_frame, self._longest_gap = time.monotonic(), 0.0
        self._patient = True
        self._failure = ""
        self._next_look = self._stop_since = 0.0
        self._heard = time.monotonic()
