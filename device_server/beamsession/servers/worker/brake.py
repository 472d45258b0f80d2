"""Stopping in the middle of durable work: threads halt where nothing is half done, and the process goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event

_FOREVER = Event()


class Brake:
    """Pulled once at the end of the process.

    A step that is halted has not returned, so the job database does not know it as done: it is run again at the next
    start. Raising instead would record a failure.

    `is_sure` says whether what comes next is surely ours to do, and waits while that is uncertain.
    """

    def __init__(self, is_sure: Callable[[], bool] = lambda: True) -> None:
        self.is_sure = is_sure
        self._pulled = Event()
        self._changed = Condition()
        self._busy = 0

    @property
    def pulled(self) -> bool:
        """Whether the process is about to end."""
        return self._pulled.is_set()

    def pull(self) -> None:
        """Let every thread halt at its next `checkpoint`."""
        self._pulled.set()

    def checkpoint(self) -> None:
        """Go on, or never return; to be called inside `work`."""
        if not self._pulled.is_set() and self.is_sure():
            return
        self._count(-1)
        _FOREVER.wait()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Something that `wait_idle` waits for, unless it halts at a checkpoint inside."""
        self._count(+1)
        self.checkpoint()
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait so long or until the brake is pulled; whether it is."""
        return self._pulled.wait(seconds)

    def wait_idle(self, limit_s: float) -> bool:
        """Wait until all work has halted or ended; False when the limit came first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, timeout=limit_s)


def rest(number: int) -> str:
    """Work that is not to be done by this process: it never returns, so the job database keeps it for a later one."""
    _FOREVER.wait()
    raise AssertionError(f"the rest of {number} ended")
