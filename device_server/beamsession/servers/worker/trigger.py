"""When a completed session's ingest begins: after its hold, at once on request, and again after a lost start."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from beamsession.catalogue.target import CatalogueTarget, IngestTrigger
from beamsession.model.clock import Clock, utc_now
from beamsession.model.event import Event
from beamsession.model.states import IngestState, SessionState
from beamsession.store import Store

log = logging.getLogger(__name__)


class IngestQueue(Protocol):
    """Where ingests wait for their turn."""

    def enqueue(self, session_id: int, job_id: str) -> None:
        """Have the ingest done once for `job_id`; one of the session that is under way is hurried instead."""
        ...

    def job_count(self, session_id: int) -> int:
        """How many ingests of the session were ever enqueued."""
        ...

    def is_active(self, session_id: int) -> bool:
        """Whether one is waiting or under way."""
        ...


class IngestTriggering:
    """Turns events into queued ingests. The store knows what is to be done, so nothing is lost with this process."""

    def __init__(
        self, store: Store, instrument: str, target: CatalogueTarget, queue: IngestQueue, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._target = target
        self._queue = queue
        self._clock = clock
        self._due: dict[int, datetime] = {}

    def take_up(self) -> None:
        """Look for completed sessions whose ingest nobody does: what a crash may have left."""
        open_states = (IngestState.PENDING, IngestState.RUNNING)
        for ingest in self._store.ingests(instrument=self._instrument, states=open_states):
            if self._queue.is_active(ingest.session_id):
                continue
            count = self._queue.job_count(ingest.session_id)
            if count:
                # Its job ended, and the store does not know: the job says so again.
                self._queue.enqueue(ingest.session_id, f"ingest-{ingest.session_id}-again-{count}")
            else:
                self._hold(ingest.session_id)

    def handle(self, event: Event) -> None:
        """React to one event; the same again does no harm."""
        if event.session_id is None:
            return
        if event.kind == "session_completed" and self._target.when is IngestTrigger.ON_COMPLETE:
            self._hold(event.session_id)
        elif event.kind == "ingest_requested":
            self._due.pop(event.session_id, None)
            self._queue.enqueue(event.session_id, f"ingest-{event.session_id}-{event.seq}")

    def tick(self) -> None:
        """Enqueue the sessions whose hold is over."""
        now = self._clock()
        for session_id in [session_id for session_id, due in self._due.items() if due <= now]:
            self._queue.enqueue(session_id, f"ingest-{session_id}")
            del self._due[session_id]

    def _hold(self, session_id: int) -> None:
        session = self._store.session(session_id)
        if session.state is SessionState.COMPLETED and session.stop is not None:
            self._due[session_id] = session.stop + timedelta(seconds=self._target.hold_s)
