"""The recorder's end of a detector whose frames somebody else writes: one process, told what to do."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.detector import ExternalConfig
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.child import Child, Message
from beamsession.record.detector import Progress
from beamsession.record.external.messages import Begin, Told

_START_S = 15.0  # imports of a new process on a busy machine
_ANSWER_S = 8.0
_RECOVER_S = 25.0
_CLOSE_S = 120.0  # a long queue before a slow disk
_log = logging.getLogger(__name__)


class ExternalDetector:
    """Implements `beamsession.record.detector.Detector`; a process that died is replaced.

    Whoever writes the frames does not end with our process: the new one is told to end what the dead one began, and
    only then is the run `closed`.
    """

    def __init__(self, config: ExternalConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._order: Begin | None = None
        self._told = Told(account=Completeness(detector=config.name))
        self._failure = ""
        self._closed = threading.Event()
        self._closed.set()
        self._recovering = False
        self._ending = False
        self._child = self._start()

    @property
    def name(self) -> str:
        return self._config.name

    def check(self) -> tuple[Problem, ...]:
        self._replace_the_dead()
        try:
            found = self._child.ask({"do": "check"}, _START_S)["problems"]
        except BeamsessionError as problem:
            return (Problem(code=problem.code, sentence=problem.sentence, remedy=problem.remedy),)
        return tuple(Problem.model_validate(problem) for problem in found)

    def prepare(self, plan: RunPlan) -> None:
        self._replace_the_dead()
        order = self._begin(plan)
        with self._lock:
            self._failure, self._recovering = "", False
            self._told = Told(account=_nothing(self.name, order))
            self._order = order
            self._closed.clear()
        try:
            patience = plan.connect_timeout_s + self._config.prepare_s + _START_S
            self._child.ask({"do": "begin", **order.model_dump(mode="json")}, patience)
        except BeamsessionError as fault:
            with self._lock:
                self._order = None
                self._closed.set()
            if isinstance(fault, UnavailableError):
                with suppress(UnavailableError):
                    self._child.send({"do": "discard"})  # It may still succeed, too late.
            raise

    def arm(self) -> None:
        self._ask("arm")

    def pause(self, at_ns: int) -> int:
        self._ask("pause")
        return max(at_ns, time.time_ns())  # its camera knows no time: it is so once it has obeyed

    def resume(self, at_ns: int) -> int:
        self._ask("resume")
        return max(at_ns, time.time_ns())

    def stop(self, *, drain: bool) -> None:
        with suppress(UnavailableError):
            self._child.send({"do": "stop", "drain": drain})

    def progress(self) -> Progress:
        with self._lock:
            return Progress(
                account=self._told.account,
                rate=0.0 if self._closed.is_set() else self._told.rate,
                closed=self._closed.is_set(),
                failure=self._failure,
            )

    def data_file(self) -> Path | None:
        with self._lock:
            return None if self._order is None or self._config.layout is None else self._order.path

    def pids(self) -> dict[str, int]:
        return {self.name: self._child.pid}

    def recover(self, plan: RunPlan) -> None:
        self._replace_the_dead()
        self._recover(self._begin(plan))
        if not self._closed.wait(_RECOVER_S):
            raise UnavailableError(
                f"'{self.name}' has not let go of {plan.stem} within {_RECOVER_S:g} s.",
                code="DETECTOR_NOT_RELEASED",
                value=self._config.address,
                remedy="Look at its IOC, and stop its capture there.",
            )
        if self._failure:
            raise UnavailableError(self._failure, code="DETECTOR_NOT_RELEASED", value=self._config.address)

    def shutdown(self) -> None:
        self._ending = True
        self._child.close(_CLOSE_S)

    def _begin(self, plan: RunPlan) -> Begin:
        return Begin(
            path=plan.data_file(self.name),
            data_root=plan.data_root,
            frames=plan.frames_of(self.name),
            rules=plan.rules,
            timeout_s=plan.connect_timeout_s,
        )

    def _ask(self, what: str) -> None:
        try:
            self._child.ask({"do": what}, _ANSWER_S)
        except UnavailableError as problem:
            if problem.code != "PROCESS_GONE":
                raise
            _log.error("%s: %s", self.name, problem.text)  # and `progress` tells that its process died

    def _recover(self, order: Begin) -> None:
        with self._lock:
            self._order, self._recovering = order, True
            self._closed.clear()
        with suppress(UnavailableError):
            self._child.send({"do": "recover", **order.model_dump(mode="json")})

    def _start(self) -> Child:
        return Child(
            "beamsession.record.external",
            self._config.model_dump_json(),
            name=self.name,
            on_message=self._on_told,
            on_exit=self._on_gone,
        )

    def _replace_the_dead(self) -> None:
        if not self._child.alive:
            self._child.close(0)
            self._child = self._start()

    def _on_told(self, message: Message) -> None:
        told = Told.model_validate(message)
        with self._lock:
            if self._order is None or self._closed.is_set():
                return
            self._told = told
            self._failure = self._failure or told.failure
            if told.closed:
                self._closed.set()

    def _on_gone(self, code: int) -> None:
        with self._lock:
            if self._ending or self._closed.is_set():
                return
            ending = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._failure = self._failure or f"the process of {self.name} died ({ending})"
            order, again = self._order, self._recovering
            if order is None or again:  # A second death is no accident.
                self._closed.set()
                return
        _log.error("%s: its process died (%s); another one ends what it began", self.name, ending)
        self._child = self._start()
        self._recover(order)


def _nothing(detector: str, order: Begin) -> Completeness:
    return Completeness(detector=detector, expected=order.frames, missing=order.frames or 0)
