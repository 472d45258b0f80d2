"""A detector whose frames this recorder writes itself: a receiver and a writer process joined by a ring."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.detector import StreamedDetector
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.child import Child, Message
from beamsession.record.detector import Progress
from beamsession.record.orders import Received, Reserve, Subscribe, Written
from beamsession.record.ring import Ring
from beamsession.record.sources.source import no_answer

_log = logging.getLogger(__name__)
_START_S = 15.0  # imports of a new process on a busy machine
_ANSWER_S = 5.0
_CLOSE_RECEIVER_S = 10.0
_CLOSE_WRITER_S = 120.0  # a full ring and a slow disk
_RATE_S = 1.0
# Buffers of frames that come and go are not given back to the system: every page of them would be cleared anew.
_MEMORY_IS_KEPT = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}


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
        self._receiver = self._start_receiver()
        self._writer = self._start_writer()

    @property
    def name(self) -> str:
        return self._config.name

    def check(self) -> tuple[Problem, ...]:
        self._replace_the_dead()
        try:
            unconnected = self._receiver.ask({"do": "check"}, _START_S)["unconnected"]
        except BeamsessionError as problem:
            return (Problem(code=problem.code, sentence=problem.sentence, remedy=problem.remedy),)
        if not unconnected:
            return ()
        missing = no_answer(self._config, tuple(unconnected), None)
        return (Problem(code=missing.code, sentence=missing.sentence, remedy=missing.remedy),)

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
            rules=plan.rules,
        )
        frames = plan.frames_of(self.name)
        subscribe = Subscribe(epoch=self._epoch, frames=frames, timeout=plan.connect_timeout_s)
        self._writer.ask({"do": "reserve", **reserve.model_dump(mode="json")}, _START_S)
        with self._lock:
            self._run = _Run(path, frames, Completeness(detector=self.name, expected=frames))
        try:
            reply = self._receiver.ask(
                {"do": "subscribe", **subscribe.model_dump(mode="json")}, plan.connect_timeout_s + _START_S
            )
            if reply["format"] is not None:
                self._writer.ask({"do": "create", "format": reply["format"]}, _ANSWER_S)
        except BeamsessionError:
            self._call_off()
            raise

    def arm(self) -> None:
        self._ask_receiver("arm")

    def pause(self) -> None:
        self._ask_receiver("pause")

    def resume(self) -> None:
        self._ask_receiver("resume")

    def stop(self, *, drain: bool) -> None:
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

    def shutdown(self) -> None:
        self._receiver.close(_CLOSE_RECEIVER_S)
        self._writer.close(_CLOSE_WRITER_S)
        self._ring.close()

    def _ask_receiver(self, what: str) -> None:
        try:
            self._receiver.ask({"do": what}, _ANSWER_S)
        except UnavailableError as problem:
            _log.error("%s: %s", self.name, problem.text)  # and `progress` tells that its process died

    def _call_off(self) -> None:
        """The run will not be: nothing of it stays."""
        _tell(self._receiver, "drop")
        with self._lock:
            self._run = None
        with suppress(UnavailableError):
            self._writer.ask({"do": "discard"}, _ANSWER_S)

    def _start_receiver(self) -> Child:
        return self._start(
            "receiver", self._config.model_dump_json(), self._ring.inlet_fds, self._on_received, self._receiver_gone
        )

    def _start_writer(self) -> Child:
        return self._start("writer", self.name, self._ring.outlet_fds, self._on_written, self._writer_gone)

    def _start(
        self,
        role: str,
        argument: str,
        descriptors: tuple[int, ...],
        on_message: Callable[[Message], None],
        on_gone: Callable[[int], None],
    ) -> Child:
        return Child(
            f"beamsession.record.{role}",
            argument,
            self._ring.arguments,
            name=f"{self.name}.{role}",
            on_message=on_message,
            on_exit=on_gone,
            pass_fds=descriptors,
            environment=os.environ | _MEMORY_IS_KEPT,
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

    path: Path
    expected: int | None
    account: Completeness
    receiver_ended: bool = False
    writer_ended: bool = False
    _written: int = 0
    _failure: str = ""
    _volumes: deque[tuple[float, int]] = field(default_factory=lambda: deque([(time.monotonic(), 0)]))

    def take_received(self, received: Received) -> None:
        self.account = received.account
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
        return Progress(
            account=self._final_account() if closed else self._present_account(),
            rate=0.0 if closed else self._rate(),
            closed=closed,
            failure=self._failure,
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


def _tell(child: Child, what: str, **details: int) -> None:
    """Send a command; a process that has died gets none, and its end was noticed elsewhere."""
    with suppress(UnavailableError):
        child.send({"do": what, **details})


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
