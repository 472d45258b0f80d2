"""The circuit breaker of a catalogue: while it is down one probe asks for all, and all are told when it is up again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Condition, Thread

from beamsession.catalogue.fault import CatalogueError, is_down
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.errors import UnavailableError
from beamsession.servers.worker.outcome import pause_before

log = logging.getLogger(__name__)
_PATIENCE = 3
_LOOK_S = 1.0

Told = Callable[[CatalogueState, str], None]


class Breaker:
    """Open while the catalogue is not to be asked. Its methods may be called from any thread.

    `probe` returns if the catalogue is up, else raises CatalogueError. `hurry` has a session's ingest go on, once for
    each key. `told` is called at every change, with the reason. Pauses between two probes double from `first_s` to
    `longest_s`; only a real request that was answered starts them anew, so that a catalogue which answers the probe and
    nothing else is not hammered.
    """

    def __init__(
        self,
        *,
        probe: Callable[[], None],
        hurry: Callable[[int, str], None],
        told: Told,
        first_s: float,
        longest_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._hurry = hurry
        self._told = told
        self._first_s = first_s
        self._longest_s = longest_s
        self._monotonic = monotonic
        self._changed = Condition()
        self._state = CatalogueState.UNKNOWN
        self._reason = ""
        self._failures = 0
        self._next_probe = monotonic()
        self._waiting: set[int] = set()
        self._closings = 0

    def start(self) -> None:
        """Ask the catalogue once, then whenever the breaker is open; in a thread that ends with the process."""
        Thread(target=self._run, name="breaker", daemon=True).start()

    @property
    def state(self) -> CatalogueState:
        """What is known of the catalogue."""
        return self._state

    @property
    def refusal(self) -> str:
        """Why the catalogue is not asked now; empty: it may be asked."""
        with self._changed:
            return self._reason if self._state is CatalogueState.UNREACHABLE else ""

    def failed(self, fault: CatalogueError) -> None:
        """A request found the catalogue down."""
        with self._changed:
            if self._state is CatalogueState.UNREACHABLE:
                return
            self._open(fault)

    def worked(self) -> None:
        """A request was answered."""
        with self._changed:
            self._failures = 0
            if self._state is not CatalogueState.REACHABLE:
                self._close()

    def waits(self, session_id: int, failures: int) -> None:
        """The session's ingest waits because the catalogue is down, after so many tries of its own.

        One that has found it down again and again, while others could reach it, waits for its own time.
        """
        if failures > _PATIENCE:
            return
        with self._changed:
            self._waiting.add(session_id)
            self._changed.notify_all()

    def _open(self, fault: CatalogueError) -> None:
        pause = pause_before(self._failures, self._first_s, self._longest_s, fault.retry_after_s)
        self._failures += 1
        self._next_probe = self._monotonic() + pause
        if self._state is not CatalogueState.UNREACHABLE:
            self._state, self._reason = CatalogueState.UNREACHABLE, fault.sentence
            log.warning("the catalogue is not asked any more before a probe succeeds: %s", fault.sentence)
            self._told(self._state, self._reason)
        self._changed.notify_all()

    def _close(self) -> None:
        self._state, self._reason = CatalogueState.REACHABLE, ""
        self._closings += 1
        log.info("the catalogue can be reached")
        self._told(self._state, "")
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            try:
                self._wake()
                if self._is_time():
                    self._ask()
            except Exception:
                # Without this thread no ingest would be woken any more.
                log.exception("the breaker of the catalogue failed")
            with self._changed:
                if not (self._waiting and self._state is CatalogueState.REACHABLE):
                    self._changed.wait(min(_LOOK_S, self._first_s))

    def _is_time(self) -> bool:
        with self._changed:
            return self._state is not CatalogueState.REACHABLE and self._monotonic() >= self._next_probe

    def _ask(self) -> None:
        try:
            self._probe()
        except CatalogueError as fault:
            if is_down(fault):
                with self._changed:
                    if self._state is not CatalogueState.REACHABLE:
                        self._open(fault)
                return
        with self._changed:
            if self._state is not CatalogueState.REACHABLE:
                self._close()

    def _wake(self) -> None:
        with self._changed:
            if self._state is not CatalogueState.REACHABLE:
                return
            woken, self._waiting = self._waiting, set()
            key = f"reachable-{time.time_ns()}"
        for session_id in sorted(woken):
            try:
                self._hurry(session_id, key)
            except UnavailableError as fault:
                log.warning("the ingest of session %d is not woken: %s", session_id, fault.text)
