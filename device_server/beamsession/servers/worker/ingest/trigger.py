"""When a completed session's ingest begins: after its hold, at once on request, never before its hooks have ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from beamsession.model.clock import Clock, utc_now
from beamsession.model.event import Event
from beamsession.model.job import JobKind, JobState
from beamsession.model.states import IngestState, SessionState
from beamsession.store import Store

log = logging.getLogger(__name__)
_HELD = ("session_completed", "session_created", "session_detached")
_REQUESTED = "ingest_requested"
_REOPENED = "session_restarted"
_CANCELLED = "ingest_cancelled"
_OPEN = (IngestState.PENDING, IngestState.RUNNING)
_PAGE = 1000
_LOOK_S = 1.0
# Pictures are welcome in the catalogue; data do not wait for them for long.
_LONGEST_FOR_PICTURES = timedelta(minutes=10)


class IngestLane(Protocol):
    """Where ingests wait for their turn."""

    def enqueue(self, session_id: int) -> None:
        """Have the ingest done; not while one of the session is active."""
        ...

    def hurry(self, session_id: int, request: str) -> None:
        """Have the active one go on at once if it waits for a while; the same `request` counts once."""
        ...

    def is_active(self, session_id: int) -> bool:
        """Whether one is waiting or under way."""
        ...


@dataclass
class _Waiting:
    """A session whose ingest is to begin at `due`; it is looked at again at `look` (monotonic seconds)."""

    due: datetime
    look: float = 0.0


class IngestTriggering:
    """Turns events into queued ingests. The store knows what is to be done, so nothing is lost with this process."""

    def __init__(
        self,
        store: Store,
        instrument: str,
        hold_s: float,
        queue: IngestLane,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        with_pictures: bool = False,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._hold = timedelta(seconds=hold_s)
        self._queue = queue
        self._clock = clock
        self._monotonic = monotonic
        self._with_pictures = with_pictures
        self._waiting: dict[int, _Waiting] = {}

    def take_up(self) -> None:
        """Look for completed sessions whose ingest nobody does, oldest first: what a crash may have left."""
        for ingest in reversed(self._store.ingests(instrument=self._instrument, states=_OPEN)):
            if self._queue.is_active(ingest.session_id):
                # What it waits for may have come about while nobody looked.
                self._queue.hurry(ingest.session_id, f"start-{time.time_ns()}")
            else:
                self._waiting[ingest.session_id] = _Waiting(self._due_by_log(ingest.session_id))

    def handle(self, event: Event) -> None:
        """React to one event; the same again does no harm."""
        if event.session_id is None:
            return
        if event.kind in (_REOPENED, _CANCELLED):
            self._waiting.pop(event.session_id, None)
            if event.kind == _CANCELLED:
                self._queue.hurry(event.session_id, str(event.seq))
        elif event.kind == _REQUESTED:
            self._waiting[event.session_id] = _Waiting(event.time)
            if self._is_wanted(event.session_id):
                self._queue.hurry(event.session_id, str(event.seq))
        elif event.kind in _HELD:
            self._waiting[event.session_id] = _Waiting(event.time + self._hold)

    def tick(self) -> None:
        """Begin with the sessions whose time has come."""
        now, look = self._clock(), self._monotonic()
        for session_id, waiting in list(self._waiting.items()):
            if waiting.due > now or waiting.look > look:
                continue
            if self._is_settled(session_id, waiting.due):
                del self._waiting[session_id]
            else:
                waiting.look = look + _LOOK_S

    def _is_settled(self, session_id: int, due: datetime) -> bool:
        """Whether there is nothing more to do for it here, after doing what can be done now."""
        if not self._is_wanted(session_id):
            return True
        if self._queue.is_active(session_id) or self._has_at_work(session_id, JobKind.HOOK):
            return False
        is_early = self._with_pictures and self._clock() < due + _LONGEST_FOR_PICTURES
        if is_early and self._has_at_work(session_id, JobKind.QUICK_LOOK):
            return False
        self._queue.enqueue(session_id)
        return True

    def _is_wanted(self, session_id: int) -> bool:
        """Whether the store says that an ingest is to be done: what the log said may be long past."""
        ingest = self._store.ingest(session_id)
        if ingest is None or ingest.state not in _OPEN:
            return False
        return self._store.session(session_id).state is SessionState.COMPLETED

    def _has_at_work(self, session_id: int, kind: JobKind) -> bool:
        """A hook may still add metadata, a quick look a picture; each ends by its time limit."""
        at_work = (JobState.WAITING, JobState.RUNNING)
        return bool(self._store.jobs(self._instrument, states=at_work, session_id=session_id, kind=kind, limit=1))

    def _due_by_log(self, session_id: int) -> datetime:
        """When the ingest is to begin, by the last event that says so; at once where none does."""
        due, after = self._clock(), 0
        while page := self._store.events(after=after, limit=_PAGE, session_id=session_id):
            for event in page:
                if event.kind in _HELD:
                    due = event.time + self._hold
                elif event.kind == _REQUESTED:
                    due = event.time
            after = page[-1].seq
        return due
