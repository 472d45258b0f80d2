"""Follows the store's event log: into the data folders, and to what begins because of an event."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Thread

from beamsession.crew.membership import Membership
from beamsession.model.errors import UnavailableError
from beamsession.model.event import Event
from beamsession.model.session import Session
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.keeper import Keeper
from beamsession.store import Store

log = logging.getLogger(__name__)
_PERIOD_S = 0.3
_CATCH_UP_S = 5.0
_PAGE = 500


class Tail:
    """Reads each event at least once over restarts; what it feeds knows what it has had.

    `listener` is called with each event after the folders had their turn with it, `tick` after each look; both only in
    the tail's own thread. `seal` and `bring_up_to_date` may be called from any other, inside a step of durable work
    too, which may not enqueue more of it: they write the folders and leave the events to be heard later. With several
    workers only one has started its tail; in the others these two write what he has not written yet.
    """

    def __init__(
        self,
        store: Store,
        instrument: str,
        keeper: Keeper,
        membership: Membership,
        brake: Brake,
        *,
        listener: Callable[[Event], None],
        tick: Callable[[], None],
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._keeper = keeper
        self._membership = membership
        self._brake = brake
        self._listener = listener
        self._tick = tick
        self._follows = False
        self._saved = self._kept = self._heard = 0  # Numbers of the last events; what is heard was always kept before.
        self._next_catch_up = 0.0

    def start(self) -> None:
        """Begin to follow, in a thread that ends with the process. Raises UnavailableError."""
        with self._membership.writing():
            self._saved = self._kept = self._heard = self._membership.position.load()
            self._follows = True
        Thread(target=self._run, name="tail", daemon=True).start()

    def seal(self, session: Session) -> None:
        """Bring the session's folder to its last state. Raises RefusedError, UnavailableError and OSError."""
        with self._membership.writing():
            self._keep_all()
            self._keeper.seal(session)

    def bring_up_to_date(self) -> None:
        """Have the folders say what the store says, where they can be written. Raises UnavailableError."""
        with self._membership.writing():
            self._keep_all()
            self._keeper.catch_up()

    def _run(self) -> None:
        while not self._brake.wait(_PERIOD_S):
            try:
                self._follow()
                self._tick()
            except UnavailableError as fault:
                log.warning("the store does not answer: %s", fault.text)
            except Exception:
                # The worker must outlive any one event; the same page is read again.
                log.exception("following the event log failed")
                self._brake.wait(_CATCH_UP_S)

    def _follow(self) -> None:
        """Take everything that is in the log now; what another thread has kept meanwhile is only heard."""
        while page := self._page(self._heard):
            with self._membership.writing(), self._brake.work():
                self._keep(page)
            for event in page:
                self._listener(event)
            self._heard = page[-1].seq
        if self._keeper.first_missing is not None and time.monotonic() >= self._next_catch_up:
            with self._membership.writing(), self._brake.work():
                self._keeper.catch_up()
            self._next_catch_up = time.monotonic() + _CATCH_UP_S
        self._save()

    def _keep_all(self) -> None:
        if not self._follows:
            self._kept = self._membership.position.load()
        while page := self._page(self._kept):
            self._keep(page)

    def _keep(self, page: Sequence[Event]) -> None:
        if news := [event for event in page if event.seq > self._kept]:
            self._keeper.keep(news)
            self._kept = news[-1].seq

    def _page(self, after: int) -> Sequence[Event]:
        return self._store.events(after=after, limit=_PAGE, instrument=self._instrument)

    def _save(self) -> None:
        missing = self._keeper.first_missing
        done = self._heard if missing is None else min(self._heard, missing - 1)
        if done == self._saved:
            return
        self._membership.position.save(done)
        self._saved = done
