"""Work that may hang (a dead disk, a broken child) is done by threads that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

from beamsession.model.errors import BeamsessionError, UnavailableError

T = TypeVar("T")
R = TypeVar("R")


class DiskHand:
    """Does disk work with a deadline; `places` pieces at a time, so that a dead disk holds no more threads than that.

    A piece that came too late goes on by itself; its outcome is dropped.
    """

    def __init__(self, places: int = 4, patience_s: float = 2.0) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._patience_s = patience_s

    def do(self, what: str, work: Callable[[], R]) -> R:
        """The result of `work`; its own errors pass. Raises UnavailableError (DISK_TIMEOUT) naming `what`."""
        if not self._places.acquire(timeout=self._patience_s):
            raise _disk_timeout(what)
        outcome: Future[R] = Future()
        threading.Thread(target=self._run, args=(work, outcome), name=f"disk: {what}", daemon=True).start()
        try:
            return outcome.result(self._patience_s)
        except TimeoutError:
            if outcome.done():
                raise
            raise _disk_timeout(what) from None

    def _run(self, work: Callable[[], R], outcome: Future[R]) -> None:
        try:
            _settle(outcome, work)
        finally:
            self._places.release()


class Lane(Generic[T]):
    """One engine with a thread of its own: built there, and called there only, one call after the other.

    Several lanes work side by side. A lane whose engine could not be built answers every call with that error.
    """

    def __init__(self, name: str, build: Callable[[], T]) -> None:
        self.name = name
        self._queue: SimpleQueue[tuple[Callable[[T], object], Future[object]] | None] = SimpleQueue()
        self._built: Future[T] = Future()
        threading.Thread(target=self._work, args=(build,), name=f"lane {name}", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether building has ended, well or not."""
        return self._built.done()

    @property
    def broken(self) -> str:
        """Why the engine could not be built; empty where it could, or is not known yet."""
        if not self._built.done():
            return ""
        fault = self._built.exception()
        return "" if fault is None else sentence_of(fault)

    def submit(self, work: Callable[[T], R]) -> Future[R]:
        """`work` on the engine, after what was submitted before."""
        outcome: Future[R] = Future()
        self._queue.put((work, outcome))  # type: ignore[arg-type]
        return outcome

    def call(self, work: Callable[[T], R], patience_s: float) -> R:
        """The result of `work`. Raises UnavailableError (ENGINE_TIMEOUT) when it takes longer than `patience_s`."""
        outcome = self.submit(work)
        try:
            return outcome.result(patience_s)
        except TimeoutError:
            if outcome.done():
                raise
            raise UnavailableError(
                f"'{self.name}' did not answer within {patience_s:g} s.",
                code="ENGINE_TIMEOUT",
                value=self.name,
                remedy="Look at the recorder's log; restart the recorder if it stays so.",
            ) from None

    def close(self) -> None:
        """End the thread after what was submitted before."""
        self._queue.put(None)

    def _work(self, build: Callable[[], T]) -> None:
        _settle(self._built, build)
        while (item := self._queue.get()) is not None:
            work, outcome = item
            _settle(outcome, lambda work=work: work(self._built.result()))


def gather(outcomes: Iterable[Future[R]], patience_s: float) -> tuple[list[R], list[BaseException]]:
    """Wait for all: the results of those that succeeded and the errors of the others (late ones: TimeoutError)."""
    results: list[R] = []
    faults: list[BaseException] = []
    for outcome in outcomes:
        try:
            results.append(outcome.result(patience_s))
        except Exception as fault:
            faults.append(fault)
    return results, faults


def sentence_of(fault: BaseException) -> str:
    """An error as a sentence for a person, whatever it is."""
    if isinstance(fault, BeamsessionError):
        return fault.text
    if isinstance(fault, TimeoutError) and not str(fault):
        return "It took too long."
    return f"{type(fault).__name__}: {fault}"


def _settle(outcome: Future[R], work: Callable[[], R]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as fault:
        outcome.set_exception(fault)


def _disk_timeout(what: str) -> UnavailableError:
    return UnavailableError(
        f"The disk did not answer in time ({what}).",
        code="DISK_TIMEOUT",
        value=what,
        remedy="See whether the file system is mounted and its server is up.",
    )
