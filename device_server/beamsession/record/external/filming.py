"""A run of an areaDetector camera with its own file plugin, from the handshake to the frames in the closed file."""

from __future__ import annotations

import logging
import time

from beamsession.model.completeness import Completeness
from beamsession.model.data_layout import DataLayout
from beamsession.model.detector import AreaDetector
from beamsession.model.errors import BeamsessionError, RefusedError
from beamsession.model.report import Problem
from beamsession.record.external.acquisition import Acquisition
from beamsession.record.external.counters import Counters
from beamsession.record.external.filled import FilledFile
from beamsession.record.external.gauge import Gauge
from beamsession.record.external.handshake import Handshake
from beamsession.record.external.messages import Begin, Told
from beamsession.record.external.problems import camera_problems, refuse_first, silent_problem
from beamsession.record.external.pvs import Pvs, SilentError, wait_until
from beamsession.record.external.records import Records
from beamsession.record.external.stage import Patience, Stage
from beamsession.record.salvage import Salvaged, look_at

_LOOK_S = 0.2
_SILENT_S = 4.0  # an IOC that is silent for longer is gone
_START_S = 5.0  # beyond two periods: a camera that has not begun by then does not
_STOP_S = 10.0
_SETTLE_S = 0.6  # beyond two periods: no frame follows any more
_CLOSE_S = 60.0
_VISIBLE_S = 5.0  # until a file that was closed on another host is seen here as it is
_GATE_S = 0.8
_log = logging.getLogger(__name__)


class Filming:
    """Implements `beamsession.record.external.work.Work`."""

    def __init__(self, config: AreaDetector) -> None:
        self._config = config
        assert config.layout is not None
        self._layout: DataLayout = config.layout
        self._records = Records(config)
        self._pvs = Pvs((*self._records.needed, *self._records.extra))
        self._camera = Acquisition(self._pvs, self._records)
        self._handshake = Handshake(config, self._pvs, self._records)
        self._stage = Stage.IDLE
        self._patience = Patience()
        self._reset()

    @property
    def busy(self) -> bool:
        return self._stage not in (Stage.IDLE, Stage.ENDED)

    def problems(self) -> tuple[Problem, ...]:
        return tuple(camera_problems(self._config, self._pvs, self._records))

    def begin(self, order: Begin) -> None:
        if missing := self._pvs.unconnected(self._records.needed, order.timeout_s):
            refuse_first([silent_problem(self._config, self._records, missing)], self._config)
        self._pvs.unconnected(self._records.extra, 0.0)
        refuse_first(camera_problems(self._config, self._pvs, self._records), self._config)
        self._reset()
        self._order = order
        file = self._file_of(order)
        file.claim()
        try:
            self._handshake.prepare(order)
        except BeamsessionError:
            file.call_off()
            raise
        self._file = file
        self._go(Stage.READY)

    def arm(self) -> None:
        self._require(Stage.READY)
        self._count(skip=True)
        self._armed = True
        self._go(Stage.RECORDING)
        if self._config.drive:
            self._camera.begin()
        else:
            self._handshake.open_gate()

    def pause(self) -> None:
        if self._has_recorded:
            return
        self._require(Stage.RECORDING)
        self._paused = True
        if self._config.drive:
            self._camera.end()
            wait_until(lambda: not self._camera.runs(), _GATE_S)
        else:
            self._handshake.close_gate()

    def resume(self) -> None:
        if self._has_recorded:
            return
        self._require(Stage.RECORDING)
        wait_until(self._nothing_on_its_way, _GATE_S)
        self._count(skip=not self._config.drive)
        self._pauses.append(self._counters.captured)
        self._patience.restart()
        if not self._config.drive:
            self._handshake.open_gate()
        elif (left := self._frames_left()) != 0:
            self._handshake.set_images(left)
            self._camera.begin()
        self._paused = False

    def stop(self, *, drain: bool) -> None:
        if not self.busy or self._stage is Stage.COUNTING:
            return
        try:
            if self._config.drive and self._stage in (Stage.RECORDING, Stage.STOPPING, Stage.DRAINING):
                self._camera.end()
            if not drain or self._stage is Stage.READY:
                self._close()
            elif self._stage is Stage.RECORDING:
                self._go(Stage.STOPPING)
        except BeamsessionError as fault:
            self._give_up(fault.text)

    def discard(self) -> None:
        if self._stage is not Stage.READY or self._file is None or self._order is None:
            return
        try:
            self._pvs.put(self._records.plugin("Capture"), 0, wait=False)
            if not wait_until(lambda: not self._pvs.number(self._records.plugin("Capture_RBV")), _STOP_S):
                _log.error("%s goes on capturing into %s", self._config.file_plugin, self._order.path)
        except BeamsessionError as fault:
            _log.error("it cannot be told whether %s still captures: %s", self._config.file_plugin, fault.text)
        self._handshake.let_go(self._order)
        self._file.call_off()
        self._go(Stage.ENDED)

    def recover(self, order: Begin) -> None:
        self._reset()
        self._order = order
        self._file = self._file_of(order) if order.path.exists() else None
        self._recovering = True
        self._go(Stage.COUNTING)
        try:
            if missing := self._pvs.unconnected(self._records.needed, _SILENT_S):
                raise SilentError(silent_problem(self._config, self._records, missing).sentence)
            if self._handshake.is_capturing(order):
                _log.warning("%s still captures into %s: it is stopped", self._config.name, order.path)
                self._count()
                self._go(Stage.RECORDING)
                self.stop(drain=True)
        except BeamsessionError as fault:
            self._give_up(f"It cannot be told whether {self._config.file_plugin} still captures: {fault.text}")

    def step(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        if self._stage is Stage.COUNTING:
            self._look_into_the_file()
            return
        try:
            self._count(skip=not self._armed or (self._paused and not self._config.drive))
            self._go_on()
            self._heard = time.monotonic()
        except BeamsessionError as fault:
            if time.monotonic() - self._heard > _SILENT_S:
                self._give_up(f"the IOC of {self._config.name} is gone: {fault.sentence}")

    def told(self) -> Told:
        account = self._final or self._counters.account(self._config.name, self._order.frames if self._order else None)
        return Told(
            account=account,
            rate=self._gauge.rate() if self._stage is Stage.RECORDING else 0.0,
            closed=self._stage is Stage.ENDED,
            failure=self._failure,
        )

    # -- looking

    def _go_on(self) -> None:
        """What follows from what was just counted."""
        capturing = bool(self._pvs.number(self._records.plugin("Capture_RBV")))
        if self._stage is Stage.CLOSING:
            if not capturing:
                self._go(Stage.COUNTING)
            elif self._patience.stands_still(self._counters.captured, _CLOSE_S):
                self._give_up(f"{self._config.file_plugin} did not close its file within {_CLOSE_S:g} s")
            return
        if not capturing:
            self._ended_by_itself()
            return
        if self._cannot_write():
            reason = self._handshake.complaint() or "it gives no reason"
            self._fail(f"{self._config.file_plugin} cannot write: {reason}")
            self.stop(drain=True)
        if self._stage is Stage.RECORDING and not self._paused and self._config.drive:
            self._look_after_the_camera()
        elif self._stage is Stage.STOPPING:
            self._look_whether_it_stopped()
        elif self._stage is Stage.DRAINING:
            self._look_whether_it_drained()

    def _cannot_write(self) -> bool:
        """Whether it has begun to complain; what it said before the run may stand until it writes again."""
        complains = bool(self._pvs.number(self._records.plugin("WriteStatus")))
        if self._stage is Stage.READY:
            self._complained_before = complains
        self._complained_before = self._complained_before and complains
        return complains and not self._complained_before

    def _ended_by_itself(self) -> None:
        """The plugin ends a capture when it has the declared number; else somebody or something has ended it."""
        frames = self._order.frames if self._order else None
        self._count(skip=not self._armed)  # The last frames may have come since they were counted.
        if self._stage in (Stage.READY, Stage.RECORDING) and (frames is None or self._counters.captured < frames):
            reason = self._handshake.last_words()
            self._fail(
                f"{self._config.file_plugin} stopped capturing by itself"
                f" after {self._counters.captured} frames{f' ({reason})' if reason else ''}"
            )
        if self._config.drive and self._armed:
            self._camera.end()
        self._go(Stage.COUNTING)

    def _look_after_the_camera(self) -> None:
        frames, produced = self._order.frames if self._order else None, self._counters.produced.total
        if self._camera.runs():
            self._patience.restart()
            return
        if frames is not None and produced:
            # It makes no more by itself: what is not in the queue now will never be.
            if self._patience.stands_still((produced, self._counters.captured), self._settle_s):
                self._produced_at_stop = produced
                self._go(Stage.DRAINING)
        elif not produced and self._patience.stands_still(None, _START_S + 2 * self._camera.period()):
            self._fail(f"the camera of {self._config.name} did not begin to acquire{self._camera.says()}")
            self.stop(drain=True)

    def _look_whether_it_stopped(self) -> None:
        if not self._config.drive or not self._camera.runs():
            self._produced_at_stop = self._counters.produced.total
            self._go(Stage.DRAINING)
        elif self._patience.stands_still(None, _STOP_S + 2 * self._camera.period()):
            self._fail(f"the camera of {self._config.name} did not stop acquiring{self._camera.says()}")
            self._go(Stage.DRAINING)

    def _look_whether_it_drained(self) -> None:
        counters = self._counters
        behind = counters.captured + counters.lost < self._produced_at_stop
        progress = (counters.captured, counters.lost)
        if not counters.queued and not behind and self._patience.stands_still(progress, self._quiet_s):
            self._close()
        elif not self._config.drive and not behind:
            self._close()  # Somebody else's camera goes on; what was made before the stop is in the file.
        elif not counters.queued and self._patience.stands_still(progress, self._settle_s):
            self._close()  # They were lost where nobody counts them.
        elif self._patience.stands_still(progress, max(self._config.queue_wait_s, 2 * self._camera.period())):
            self._fail(
                f"the queue of {self._config.file_plugin} stood still for {self._config.queue_wait_s:g} s"
                f" with {counters.queued} frames in it"
            )
            self._close()

    def _look_into_the_file(self) -> None:
        """The final account, from the file itself; one that was closed elsewhere may come into sight late."""
        order, counters = self._order, self._counters
        assert order is not None
        found = self._found(order)
        late = not self._gone and (found.problem or found.frames < counters.captured)
        if late and not self._patience.stands_still(found.frames, _VISIBLE_S):
            return
        if found.problem:
            self._fail(found.problem)
            found = Salvaged(count=counters.flushed)
        if self._file is not None:
            if (self._armed or self._recovering) and not self._gone and not found.frames:
                self._file.finish_without_frames()
            self._file.dress()
            self._handshake.let_go(order)
        ours = self._config.drive and self._armed and not self._gone
        self._final = self._counters.final(self._config.name, order.frames, found, self._pauses, all_are_ours=ours)
        self._go(Stage.ENDED)

    def _found(self, order: Begin) -> Salvaged:
        if not self._counters.captured and not order.path.exists():
            return Salvaged()
        try:
            return look_at(order.path, self._layout)
        except (OSError, RuntimeError, KeyError) as fault:
            return Salvaged(problem=f"{order.path.name} cannot be read ({fault})")

    # -- small things

    @property
    def _counters(self) -> Counters:
        return self._gauge.counters

    def _count(self, *, skip: bool = False) -> None:
        self._gauge.look(skip=skip, live=self._armed or self._recovering)

    def _reset(self) -> None:
        self._order: Begin | None = None
        self._file: FilledFile | None = None
        self._final: Completeness | None = None
        self._gauge = Gauge(self._pvs, self._records)
        self._armed = self._paused = self._gone = self._recovering = False
        self._pauses: list[int] = []
        self._failure = ""
        self._produced_at_stop = 0
        self._next_look = 0.0
        self._heard = time.monotonic()
        self._complained_before = True

    def _file_of(self, order: Begin) -> FilledFile:
        return FilledFile(order.path, order.rules, self._layout, reserved=self._config.reserve_file)

    def _go(self, stage: Stage) -> None:
        self._stage = stage
        self._patience.restart()

    def _close(self) -> None:
        self._pvs.put(self._records.plugin("Capture"), 0, wait=False)
        self._go(Stage.CLOSING)

    def _give_up(self, sentence: str) -> None:
        self._fail(sentence)
        self._gone = True
        self._go(Stage.COUNTING)

    def _fail(self, sentence: str) -> None:
        if not self._failure:
            _log.error("%s", sentence)
            self._failure = sentence

    @property
    def _has_recorded(self) -> bool:
        """Whether it takes no more frames, be it that it has its declared number."""
        return self._stage in (Stage.STOPPING, Stage.DRAINING, Stage.CLOSING, Stage.COUNTING, Stage.ENDED)

    def _require(self, stage: Stage) -> None:
        if self._stage is not stage:
            raise RefusedError(
                f"'{self._config.name}' is {self._stage.name.lower()}, not {stage.name.lower()}.",
                code="WRONG_STAGE",
                remedy="See the recorder's log for what happened before.",
            )

    def _nothing_on_its_way(self) -> bool:
        self._count(skip=not self._config.drive)
        return not self._counters.queued and self._counters.on_their_way <= 0

    def _frames_left(self) -> int | None:
        frames = self._order.frames if self._order else None
        return None if frames is None else max(frames - self._counters.produced.total, 0)

    @property
    def _quiet_s(self) -> float:
        return _LOOK_S / 2 if self._config.drive and not self._recovering else self._settle_s

    @property
    def _settle_s(self) -> float:
        return _SETTLE_S + 2 * self._camera.period()
