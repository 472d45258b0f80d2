"""Follows the store's event log: into the data folders, and to what begins because of an event."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock, Thread

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

    `listeners` are called with each event after the folders have it, `tick` after each look.
    """

    def __init__(
        self,
        store: Store,
        instrument: str,
        keeper: Keeper,
        position: Path,
        brake: Brake,
        *,
        listener: Callable[[Event], None],
        tick: Callable[[], None],
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._keeper = keeper
        self._path = position
        self._brake = brake
        self._listener = listener
        self._tick = tick
        self._lock = RLock()
        self._seen = _saved(position)
        self._kept = self._seen
        self._next_catch_up = 0.0

    def start(self) -> None:
        """Begin to follow, in a thread that ends with the process."""
        Thread(target=self._run, name="tail", daemon=True).start()

    def poll(self) -> None:
        """Take everything that is in the log now."""
        with self._lock:
            while page := self._store.events(after=self._seen, limit=_PAGE, instrument=self._instrument):
                self._keeper.keep(page)
                for event in page:
                    self._listener(event)
                self._seen = page[-1].seq
            if time.monotonic() >= self._next_catch_up:
                self._keeper.catch_up()
                self._next_catch_up = time.monotonic() + _CATCH_UP_S
            self._save()

    def seal(self, session: Session) -> None:
        """Bring the session's folder to its last state. Raises RefusedError, UnavailableError and OSError."""
        with self._lock:
            self.poll()
            self._keeper.seal(session)

    def bring_up_to_date(self) -> None:
        """Have the folders say what the store says, where they can be written. Raises UnavailableError."""
        with self._lock:
            self.poll()
            self._keeper.catch_up()

    def _run(self) -> None:
        while not self._brake.wait(_PERIOD_S):
            try:
                with self._lock:
                    self.poll()
                    self._tick()
            except UnavailableError as fault:
                log.warning("the store does not answer: %s", fault.text)
            except Exception:
                # The worker must outlive any one event; the same page is read again.
                log.exception("following the event log failed")
                self._brake.wait(_CATCH_UP_S)

    def _save(self) -> None:
        missing = self._keeper.first_missing
        kept = self._seen if missing is None else min(self._seen, missing - 1)
        if kept == self._kept:
            return
        # Not synced: an older position after a power cut only means reading some events again.
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"seq": kept}), encoding="ascii")
        temporary.replace(self._path)
        self._kept = kept


def _saved(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="ascii"))["seq"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        log.warning("%s is damaged: the event log is read from its beginning", path)
        return 0
