"""A few threads for many devices: each task is run again when it asked to be, and never twice at a time."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")
Task = Callable[[], float | None]
_log = logging.getLogger(__name__)


class Workers:
    """`count` threads; a device that hangs holds one of them for as long as its time-out."""

    def __init__(self, count: int, name: str) -> None:
        self._ready = threading.Condition()
        self._tasks: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name} {number}", daemon=True).start()

    def repeat(self, task: Task) -> None:
        """Run `task` now, and again after as many seconds as it returns each time; None ends it."""
        self._put(time.monotonic(), task)

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Run `work` once, before what is due later."""
        outcome: Future[R] = Future()

        def once() -> None:
            try:
                outcome.set_result(work())
            except BaseException as fault:
                outcome.set_exception(fault)

        self._put(0.0, once)
        return outcome

    def _put(self, due: float, task: Task) -> None:
        with self._ready:
            heapq.heappush(self._tasks, (due, next(self._order), task))
            self._ready.notify()

    def _work(self) -> None:
        while True:
            task = self._take()
            try:
                pause = task()
            except Exception:
                _log.exception("a task failed")
                pause = 1.0
            if pause is not None:
                self._put(time.monotonic() + pause, task)

    def _take(self) -> Task:
        with self._ready:
            while True:
                wait = self._tasks[0][0] - time.monotonic() if self._tasks else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._tasks)[2]
                self._ready.wait(wait)
