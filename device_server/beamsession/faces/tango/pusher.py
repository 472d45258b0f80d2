"""Pushes what changed from view to view, in order, in a thread of its own: no command waits for its listeners."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable

import tango

from beamsession.faces.tango.manager_attributes import Row, same
from beamsession.model.view import View

_ANSWER_FIRST_S = 0.002  # the command that made the change is answered in this time, without waiting for the GIL
Change = tuple[View, View]


class Pusher:
    """`push_row(row, view)` and `push_state(view)` are called for what differs, from one thread."""

    def __init__(
        self, rows: Iterable[Row], push_row: Callable[[Row, View], None], push_state: Callable[[View], None]
    ) -> None:
        self._rows = tuple(rows)
        self._push_row = push_row
        self._push_state = push_state
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pusher", daemon=True)
        self._thread.start()

    def notify(self, old: View, new: View) -> None:
        """A new view stands; returns at once."""
        self._changes.put((old, new))

    def stop(self) -> None:
        """Push what waits, then end."""
        self._changes.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        with tango.EnsureOmniThread():
            while (change := self._changes.get()) is not None:
                time.sleep(_ANSWER_FIRST_S)
                self._push(*change)

    def _push(self, old: View, new: View) -> None:
        if (old.state, old.status) != (new.state, new.status):
            self._push_state(new)
        for row in self._rows:
            if not same(row.read(old), row.read(new)) or row.quality(old) != row.quality(new):
                self._push_row(row, new)
