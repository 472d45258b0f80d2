"""One recorder among several: called in threads that nobody has to wait for, and known to be silent when it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.ports import RecorderPort
from beamsession.model.report import RecorderReport

R = TypeVar("R")
_CALLS = 4  # at a time: a host that is gone holds no more threads than that
_SILENT_PATIENCE_S = 0.1
_LATE = "RECORDER_UNREACHABLE"


class Member:
    """A recorder by its name in the configuration. Once it is silent nobody waits for it until it answers again."""

    def __init__(self, name: str, port: RecorderPort) -> None:
        self.name = name
        self.fault: UnavailableError | None = None
        self._port = port
        self._places = threading.BoundedSemaphore(_CALLS)
        self._silent_since: float | None = None
        self._heard = False
        self._asked: Future[RecorderReport] | None = None

    @property
    def silent_s(self) -> float | None:
        """For how long it has not answered; None where it does."""
        return None if self._silent_since is None else time.monotonic() - self._silent_since

    @property
    def was_heard(self) -> bool:
        """Whether it has ever answered."""
        return self._heard

    def submit(self, work: Callable[[RecorderPort], R]) -> Future[R]:
        """`work` on the recorder, in a thread of its own; UnavailableError at once where too many hang already."""
        outcome: Future[R] = Future()
        if not self._places.acquire(blocking=False):
            outcome.set_exception(_late())
            return outcome
        threading.Thread(target=self._run, args=(work, outcome), name=f"recorder {self.name}", daemon=True).start()
        return outcome

    def ask(self) -> Future[RecorderReport]:
        """Its report, asked for once at a time: an answer that is still awaited is awaited further."""
        if self._asked is None:
            self._asked = self.submit(lambda port: port.report())
        return self._asked

    def hear(self, patience_s: float) -> RecorderReport | None:
        """The answer to `ask`, None where none comes in time: then `fault` tells why, and it is silent."""
        asked = self.ask()
        try:
            report = answer(asked, self.patience(patience_s))
        except Exception as fault:  # whatever one recorder says, the others are heard
            self.fault = fault if isinstance(fault, UnavailableError) else _unintelligible(fault)
            self._silent_since = self._silent_since or time.monotonic()
            return None
        finally:
            if asked.done():
                self._asked = None
        self._silent_since, self.fault, self._heard = None, None, True
        return report

    def patience(self, patience_s: float) -> float:
        """How long to wait for it: `patience_s`, and hardly at all while it is silent."""
        return patience_s if self._silent_since is None else min(patience_s, _SILENT_PATIENCE_S)

    def _run(self, work: Callable[[RecorderPort], R], outcome: Future[R]) -> None:
        try:
            outcome.set_result(work(self._port))
        except BaseException as fault:
            outcome.set_exception(fault)
        finally:
            self._places.release()


def answer(outcome: Future[R], patience_s: float) -> R:
    """The result of a call. Raises what it raised, and UnavailableError (RECORDER_UNREACHABLE) where it is late."""
    try:
        return outcome.result(patience_s)
    except TimeoutError:
        if outcome.done():
            raise
        raise _late() from None


def gathered(
    members: Iterable[Member], work: Callable[[str, RecorderPort], R], patience_s: float
) -> dict[str, R | BeamsessionError]:
    """`work` on all of them side by side: by name the result, or the error that came instead of it."""
    begun = {member: member.submit(partial(work, member.name)) for member in members}
    until = time.monotonic() + patience_s
    answers: dict[str, R | BeamsessionError] = {}
    for member, outcome in begun.items():
        try:
            answers[member.name] = answer(outcome, member.patience(max(until - time.monotonic(), 0.0)))
        except BeamsessionError as error:
            answers[member.name] = error
    return answers


def _late() -> UnavailableError:
    return UnavailableError(
        "The recorder does not answer in time.", code=_LATE, remedy="See whether its host and its server run."
    )


def _unintelligible(fault: Exception) -> UnavailableError:
    return UnavailableError(
        f"The recorder's answer cannot be used ({type(fault).__name__}: {fault}).",
        code=_LATE,
        remedy="See whether it is of the same version as the manager.",
    )
