"""A right that ends by itself: what a worker holds as long as the database hears of it, and no longer.

The locks belong to one connection. The server takes them back when the connection ends, which is at once when a process
is killed, and when it has been silent for as long as the lease lasts, as a frozen process or a lost host is. The worker
itself trusts them for a shorter time only, by a clock that goes on while it is frozen.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Condition, Event, Lock, Thread
from typing import Any

from sqlalchemy import TextClause, text

from beamsession.crew.job_server import connect, lock_key, translated
from beamsession.model.errors import UnavailableError

log = logging.getLogger(__name__)
_BEATS = 8
_TRUST = 2 / 3
_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_FREE = text("SELECT pg_advisory_unlock(:key)")
_BEAT = text("SELECT 1")


def boot_clock() -> float:
    """Seconds that also pass while the process is stopped or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Locks by their names, for `seconds` from the last sign of life on. Methods raise UnavailableError."""

    def __init__(self, jobs_url: str, seconds: float, clock: Callable[[], float] = boot_clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._mutex = Lock()
        self._changed = Condition()
        self._ended = Event()
        self._engine = connect(jobs_url, answer_s=seconds / 2, is_kept=True)
        self._lost = False
        self._heard = clock()
        with translated():
            self._connection = self._engine.connect()
            self._connection.execute(text(f"SET idle_session_timeout = {int(seconds * 1000)}"))

    def take(self, *names: str) -> bool:
        """Take the lock of these names; False if another process has it. Twice taken is twice to be freed."""
        return bool(self._ask(_TAKE, *names))

    def free(self, *names: str) -> None:
        """Give a lock back."""
        self._ask(_FREE, *names)

    def take_within(self, patience_s: float, *names: str) -> bool:
        """Take the lock, for which its holder may be ending just now."""
        until = self._clock() + patience_s
        while not self.take(*names):
            if self._clock() >= until:
                return False
            self._ended.wait(self._seconds / _BEATS / 4)
        return True

    def keep(self, on_lost: Callable[[], None]) -> None:
        """Give signs of life from now on, in a thread; `on_lost` is called there, once, when it was in vain."""
        Thread(target=self._run, args=(on_lost,), name="lease", daemon=True).start()

    def holds(self) -> bool:
        """Whether what was taken is surely still ours: for at least a third of the lease from now."""
        return not self._lost and self._clock() - self._heard < _TRUST * self._seconds

    @property
    def is_lost(self) -> bool:
        """Whether it is over for good."""
        return self._lost

    def await_held(self) -> bool:
        """Wait while it is uncertain; False if it is lost."""
        with self._changed:
            while not self._lost and not self.holds():
                self._changed.wait(self._seconds / _BEATS)
            return not self._lost

    def close(self) -> None:
        """Give everything back; no more is to be had."""
        self._ended.set()
        with self._mutex:
            self._lost = True
            if not self._connection.closed:
                self._connection.invalidate()
                self._connection.close()
        self._engine.dispose()

    def _run(self, on_lost: Callable[[], None]) -> None:
        while not self._ended.wait(self._seconds / _BEATS):
            try:
                self._ask(_BEAT)
            except UnavailableError as fault:
                if not self._ended.is_set():
                    log.error("this worker's place is lost: %s", fault.text)
                    on_lost()
                return

    def _ask(self, statement: TextClause, *names: str) -> Any:
        given = {"key": lock_key(*names)} if names else {}
        with self._mutex:
            if self._lost:
                raise UnavailableError(
                    "The connection that held it has ended.", code="LEASE_LOST", remedy="Begin anew."
                )
            sent = self._clock()
            try:
                with translated():
                    found = self._connection.execute(statement, given).scalar()
            except UnavailableError:
                # What was held went with the connection; a new one would hold nothing.
                self._lost = True
                raise
            finally:
                with self._changed:
                    self._heard = self._heard if self._lost else sent
                    self._changed.notify_all()
        return found
