"""All watched PVs of Channel Access: subscribed, and described when they connect, thousands side by side."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from beamsession.record.readings.libca import Channel, Library
from beamsession.record.readings.source import Facts, Watcher

# Not every server has the channel with a description: few are searched for at a time, and none for ever.
_MOST_ASKED = 500
_PATIENCE_S = 5.0
_MOST_TRIES = 3
_TICK_S = 0.2
_log = logging.getLogger(__name__)


class CaWatches:
    """One thread makes the channels and asks what they are; values come from the library's own threads."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._watches: list[_Watch] = []
        self._wanted: deque[_Watch] = deque()
        self._asked: dict[_Watch, float] = {}
        self._library: Library
        threading.Thread(target=self._work, name="ca watches", daemon=True).start()

    def add(self, pv: str, watcher: Watcher) -> None:
        """Subscribe to `pv` for good."""
        watch = _Watch(pv, watcher, self._tasks.put, self._wanted.append)
        self._tasks.put(lambda: self._open(watch))

    def _open(self, watch: _Watch) -> None:
        self._watches.append(watch)
        watch.open(self._library)

    def _work(self) -> None:
        self._library = Library()
        while True:
            for task in self._waiting():
                try:
                    task()
                except Exception:
                    _log.exception("what a PV is could not be found out")
            self._ask_descriptions()
            self._library.flush()

    def _waiting(self) -> list[Callable[[], None]]:
        """What is to be done now, after waiting for something."""
        tasks: list[Callable[[], None]] = []
        try:
            tasks.append(self._tasks.get(timeout=_TICK_S if self._asked or self._wanted else None))
            while len(tasks) < _MOST_ASKED:
                tasks.append(self._tasks.get_nowait())
        except queue.Empty:
            pass
        return tasks

    def _ask_descriptions(self) -> None:
        now = time.monotonic()
        for watch, since in list(self._asked.items()):
            if watch.is_described or now - since > _PATIENCE_S:
                del self._asked[watch]
                watch.close_description()
                if not watch.is_described and watch.tries < _MOST_TRIES:
                    self._wanted.append(watch)
        while self._wanted and len(self._asked) < _MOST_ASKED:
            watch = self._wanted.popleft()
            if watch not in self._asked:
                self._asked[watch] = now
                watch.open_description(self._library)


class _Watch:
    """One PV and, for a moment after each connection, the one with its description.

    `later` puts work to the thread of all watches: a callback of the library must ask it for nothing.
    """

    def __init__(
        self,
        pv: str,
        watcher: Watcher,
        later: Callable[[Callable[[], None]], None],
        want_description: Callable[[_Watch], None],
    ) -> None:
        self._pv = pv
        self._watcher = watcher
        self._later = later
        self._want_description = want_description
        self._facts = Facts()
        self._channel: Channel | None = None
        self._description: Channel | None = None
        self.is_described = False
        self.tries = 0

    def open(self, library: Library) -> None:
        """Connect and subscribe."""
        self._channel = Channel(library, self._pv, self._changed)
        self._channel.monitor(self._watcher.post)

    def open_description(self, library: Library) -> None:
        """Look for the PV's description."""
        self.is_described = False
        self.tries += 1
        self._description = Channel(library, f"{self._pv.partition('.')[0]}.DESC", self._description_changed)

    def close_description(self) -> None:
        """It is known, or there is none."""
        if self._description is not None:
            self._description.clear()
            self._description = None

    def _changed(self, connected: bool) -> None:
        if connected:
            self._later(self._ask)
        else:
            self._watcher.lose()

    def _ask(self) -> None:
        assert self._channel is not None
        kind = self._channel.kind()
        if kind.count > 1:
            self._tell(Facts(refusal=f"it holds an array of {kind.count} elements"))
        elif kind.is_text:
            self._tell(Facts(refusal="it holds text"))
        elif kind.is_enum:
            self._channel.ask_labels(lambda labels: self._take(Facts(units="", labels=labels)))
        else:
            self._channel.ask_units(lambda units: self._take(Facts(units=units or None)))

    def _take(self, facts: Facts) -> None:
        self._tell(facts._replace(description=self._facts.description))
        self.tries = 0
        self._later(lambda: self._want_description(self))

    def _description_changed(self, connected: bool) -> None:
        if connected:
            self._later(self._ask_description)

    def _ask_description(self) -> None:
        if self._description is not None:
            self._description.ask_text(self._take_description)

    def _take_description(self, text: str) -> None:
        self._tell(self._facts._replace(description=text))
        self.is_described = True
        self._later(_nothing)  # The next may be asked.

    def _tell(self, facts: Facts) -> None:
        self._facts = facts
        self._watcher.describe(facts)


def _nothing() -> None:
    pass
