"""A detector whose frames this recorder writes itself: a receiver and a writer process joined by a ring."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from beamsession.model.completeness import ClockOffset, Completeness
from beamsession.model.detector import Compression, StreamedDetector
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.child import Child, Message
from beamsession.record.detector import Measure, Progress
from beamsession.record.needs import ring_problems
from beamsession.record.orders import Received, Reserve, Subscribe, Written, format_from_json
from beamsession.record.ring import Ring
from beamsession.record.sources.source import no_answer
from beamsession.record.stall import Silence

_log = logging.getLogger(__name__)
_START_S = 15.0  # imports of a new process on a busy machine
_ANSWER_S = 5.0
_CLOSE_RECEIVER_S = 10.0
_CLOSE_WRITER_S = 120.0  # a full ring and a slow disk
_RATE_S = 1.0
# Buffers of frames that come and go are not given back to the system: every page of them would be cleared anew.
_MEMORY_IS_KEPT = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}
# Only `compression_threads` count, not what a library adds; their buffers come from one pool and go back to it.
WRITER_ENVIRONMENT = _MEMORY_IS_KEPT | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""What a writer process is started with, beside its parent's environment."""


class StreamingDetector:
    """Implements `beamsession.record.detector.Detector`; its processes live as long as it, dead ones are replaced.

    Without an `id_pv` (`id_attribute`) the frames of a CA (Tango) detector are numbered as they come: frames lost on
    the way are then not noticed.
    """

    def __init__(self, config: StreamedDetector) -> None:
        self._config = config
        self._ring = Ring.create(config.ring_mib)
        self._lock = threading.Lock()
        self._epoch = 0
        self._run: _Run | None = None
        self._frame_bytes: int | None = None
        self._clock_offset: ClockOffset | None = None
        self._receiver = self._start_receiver()
        self._writer = self._start_writer()

    @property
    def name(self) -> str:
        return self._config.name

    def check(self) -> tuple[Problem, ...]:
        self._replace_the_dead()
        try:
            found = self._receiver.ask({"do": "check"}, _START_S)
        except BeamsessionError as problem:
            return (Problem(code=problem.code, sentence=problem.sentence, remedy=problem.remedy),)
        self._frame_bytes = found["frame_bytes"] or self._frame_bytes
        if not found["unconnected"]:
            return tuple(_hints(self._config, found["hint"]))
        missing = no_answer(self._config, tuple(found["unconnected"]), None)
        return (Problem(code=missing.code, sentence=missing.sentence, remedy=missing.remedy),)

    def measure(self) -> Measure:
        with self._lock:
            self._keep_facts()
        return Measure(
            frame_bytes=self._frame_bytes,
            ring_bytes=self._config.ring_mib << 20,
            compressed=self._config.compression is not Compression.NONE,
            clock_offset=self._clock_offset,
        )

    def prepare(self, plan: RunPlan) -> None:
        self._replace_the_dead()
        self._epoch += 1
        path = plan.data_file(self.name)
        reserve = Reserve(
            epoch=self._epoch,
            path=path,
            title=self._config.title or self.name,
            units=self._config.units,
            compression=self._config.compression,
            compression_level=self._config.compression_level,
            compression_threads=self._config.compression_threads,
            rules=plan.rules,
        )
        frames = plan.frames_of(self.name)
        subscribe = Subscribe(epoch=self._epoch, frames=frames, timeout=plan.connect_timeout_s)
        self._writer.ask({"do": "reserve", **reserve.model_dump(mode="json")}, _START_S)
        with self._lock:
            self._keep_facts()
            self._run = _Run(self._config, path, frames, Completeness(detector=self.name, expected=frames))
        try:
            reply = self._receiver.ask(
                {"do": "subscribe", **subscribe.model_dump(mode="json")}, plan.connect_timeout_s + _START_S
            )
            if reply["format"] is not None:
                with self._lock:
                    self._run.frame_bytes = format_from_json(reply["format"]).nbytes
                self._writer.ask({"do": "create", "format": reply["format"]}, _ANSWER_S)
        except BeamsessionError:
            self._call_off()
            raise

    def arm(self) -> None:
        self._ask_receiver("arm")
        with self._lock:
            if self._run is not None:
                self._run.listen()

    def pause(self, at_ns: int) -> int:
        with self._lock:
            if self._run is not None:
                self._run.silence.rest()
        return self._ask_receiver("gate", closed=True, at=at_ns).get("at", at_ns)

    def resume(self, at_ns: int) -> int:
        moment = self._ask_receiver("gate", closed=False, at=at_ns).get("at", at_ns)
        with self._lock:
            if self._run is not None:
                self._run.listen()
        return moment

    def stop(self, *, drain: bool) -> None:
        with self._lock:
            if self._run is not None:
                self._run.silence.rest()
        if drain:
            _tell(self._receiver, "stop", at=time.time_ns())
            return
        _tell(self._writer, "drop")
        _tell(self._receiver, "drop")

    def progress(self) -> Progress:
        with self._lock:
            if self._run is None:
                return Progress(account=Completeness(detector=self.name))
            return self._run.progress()

    def data_file(self) -> Path | None:
        with self._lock:
            return None if self._run is None else self._run.path

    def pids(self) -> dict[str, int]:
        return {f"{self.name}.receiver": self._receiver.pid, f"{self.name}.writer": self._writer.pid}

    def recover(self, plan: RunPlan) -> None:
        """Nothing: orphaned processes drain and close, and what they leave is mended."""

    def shutdown(self) -> None:
        self._receiver.close(_CLOSE_RECEIVER_S)
        self._writer.close(_CLOSE_WRITER_S)
        self._ring.close()

    def _keep_facts(self) -> None:
        """What the last run told of the detector's frames and clock."""
        if self._run is not None:
            self._frame_bytes = self._frame_bytes or self._run.frame_bytes
            self._clock_offset = self._run.account.clock_offset or self._clock_offset

    def _ask_receiver(self, what: str, **details: int) -> Message:
        try:
            return self._receiver.ask({"do": what, **details}, _ANSWER_S)
        except UnavailableError as problem:
            if problem.code != "PROCESS_GONE":
                raise  # It may not record, and nothing else would tell.
            _log.error("%s: %s", self.name, problem.text)  # and `progress` tells that its process died
            return {}

    def _call_off(self) -> None:
        """The run will not be: nothing of it stays."""
        _tell(self._receiver, "drop")
        with self._lock:
            self._run = None
        with suppress(UnavailableError):
            self._writer.ask({"do": "discard"}, _ANSWER_S)

    def _start_receiver(self) -> Child:
        return self._start(
            "receiver",
            self._config.model_dump_json(),
            self._ring.inlet_fds,
            self._on_received,
            self._receiver_gone,
            _MEMORY_IS_KEPT,
        )

    def _start_writer(self) -> Child:
        return self._start(
            "writer", self.name, self._ring.outlet_fds, self._on_written, self._writer_gone, WRITER_ENVIRONMENT
        )

    def _start(
        self,
        role: str,
        argument: str,
        descriptors: tuple[int, ...],
        on_message: Callable[[Message], None],
        on_gone: Callable[[int], None],
        environment: dict[str, str],
    ) -> Child:
        return Child(
            f"beamsession.record.{role}",
            argument,
            self._ring.arguments,
            name=f"{self.name}.{role}",
            on_message=on_message,
            on_exit=on_gone,
            pass_fds=descriptors,
            environment=os.environ | environment,
        )

    def _replace_the_dead(self) -> None:
        if not self._receiver.alive:
            self._receiver.close(0)
            self._receiver = self._start_receiver()
        if not self._writer.alive:
            self._writer.close(0)
            self._writer = self._start_writer()

    def _on_received(self, message: Message) -> None:
        received = Received.model_validate(message)
        with self._lock:
            if self._run is not None:
                self._run.take_received(received)

    def _on_written(self, message: Message) -> None:
        written = Written.model_validate(message)
        with self._lock:
            if self._run is not None:
                self._run.take_written(written)

    def _receiver_gone(self, code: int) -> None:
        with self._lock:
            if self._run is not None and not self._run.receiver_ended:
                self._run.fail(f"the receiver process of {self.name} died ({_ending(code)})")
                self._run.receiver_ended = True
        _tell(self._writer, "finish")

    def _writer_gone(self, code: int) -> None:
        with self._lock:
            if self._run is not None and not self._run.writer_ended:
                self._run.fail(f"the writer process of {self.name} died ({_ending(code)})")
                self._run.writer_ended = True
        _tell(self._receiver, "drop")


@dataclass
class _Run:
    """What is known of the present run, from the last messages of both processes."""

    config: StreamedDetector
    path: Path
    expected: int | None
    account: Completeness
    silence: Silence = field(init=False)
    receiver_ended: bool = False
    writer_ended: bool = False
    frame_bytes: int | None = None
    _has_all: bool = False
    _written: int = 0
    _failure: str = ""
    _unconnected: tuple[str, ...] = ()
    _volumes: deque[tuple[float, int]] = field(default_factory=lambda: deque([(time.monotonic(), 0)]))

    def __post_init__(self) -> None:
        self.silence = Silence(self.config.stall_s, self.config.exposure_s)

    def listen(self) -> None:
        """Frames are awaited, unless it has all."""
        if not self._has_all:
            self.silence.listen()

    def take_received(self, received: Received) -> None:
        self.account = received.account
        self._unconnected = received.unconnected
        self.frame_bytes = received.frame_bytes or self.frame_bytes
        self.silence.hear(received.account.received + received.account.duplicates, received.exposure_s)
        if received.reached or received.ended:
            self._has_all = True
            self.silence.rest()
        self.receiver_ended = self.receiver_ended or received.ended
        self.fail(received.failure)

    def take_written(self, written: Written) -> None:
        self._written = written.frames
        self._volumes.append((time.monotonic(), written.nbytes))
        self.writer_ended = self.writer_ended or written.closed
        self.fail(written.failure)

    def fail(self, sentence: str) -> None:
        self._failure = self._failure or sentence

    def progress(self) -> Progress:
        closed = self.receiver_ended and self.writer_ended
        silent = self.silence.seconds
        if silent and self.config.stall_ends_run:
            self.fail(f"no frame for {silent:.0f} s")
        return Progress(
            account=self._final_account() if closed else self._present_account(),
            rate=0.0 if closed else self._rate(),
            closed=closed,
            failure=self._failure,
            warnings=() if closed else tuple(self._warnings(silent)),
        )

    def _warnings(self, silent: float) -> Iterator[Problem]:
        name = self.config.name
        if self._unconnected:
            gone = ", ".join(self._unconnected)
            yield Problem(
                code="PV_GONE",
                sentence=f"{name}: {gone} {'is' if len(self._unconnected) == 1 else 'are'} disconnected.",
                remedy="See whether the detector's IOC runs.",
                blocks=False,
            )
        ring = Measure(frame_bytes=self.frame_bytes, ring_bytes=self.config.ring_mib << 20, compressed=False)
        for problem in ring_problems(name, ring):
            yield problem.model_copy(update={"blocks": False})
        if silent:
            yield Problem(
                code="NO_FRAMES",
                sentence=f"{name}: no frame for {silent:.0f} s.",
                remedy="See whether the detector acquires.",
                blocks=False,
            )

    def _present_account(self) -> Completeness:
        """Frames on their way to the file are not missing yet."""
        return self.account.model_copy(update={"written": self._written, "expected": self.expected})

    def _final_account(self) -> Completeness:
        return self.account.settled(written=self._written, expected=self.expected)

    def _rate(self) -> float:
        now = time.monotonic()
        while len(self._volumes) > 1 and self._volumes[1][0] < now - _RATE_S:
            self._volumes.popleft()
        begin, volume = self._volumes[0]
        return (self._volumes[-1][1] - volume) / max(now - begin, _RATE_S)


def _hints(config: StreamedDetector, hint: str) -> Iterator[Problem]:
    if hint:
        yield Problem(
            code="FRAMES_IN_DOUBT",
            sentence=f"{config.name}: {hint}",
            remedy="See the detector's page in the how-to guides for the settings it needs.",
            blocks=False,
        )


def _tell(child: Child, what: str, **details: int) -> None:
    """Send a command; a process that has died gets none, and its end was noticed elsewhere."""
    with suppress(UnavailableError):
        child.send({"do": what, **details})


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
