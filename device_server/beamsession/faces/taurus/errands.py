"""Things that take time, done one after the other in a thread of their own, so that no window waits for them."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tango

from beamsession.model.errors import BeamsessionError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How an errand ended: its `answer`, or the `error` instead."""

    what: str
    answer: Any = None
    error: BeamsessionError | None = None


@dataclass(frozen=True)
class _Errand:
    what: str
    do: Callable[[], Any]


class Errands:
    """Calls `tell(outcome)` from its thread for each errand, until it is stopped."""

    def __init__(self, name: str, tell: Callable[[Outcome], None]) -> None:
        self._tell = tell
        self._waiting: queue.SimpleQueue[_Errand | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def send(self, what: str, do: Callable[[], Any]) -> None:
        """Have `do()` done; `what` names it in the outcome. Returns at once."""
        self._waiting.put(_Errand(what, do))

    def stop(self) -> None:
        """Tell nothing any more and begin nothing more; returns at once, `join` waits for the thread."""
        self._ended.set()
        self._waiting.put(None)

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        with tango.EnsureOmniThread():
            while (errand := self._waiting.get()) is not None and not self._ended.is_set():
                outcome = _done(errand)
                if not self._ended.is_set():
                    self._tell(outcome)


def _done(errand: _Errand) -> Outcome:
    try:
        return Outcome(errand.what, errand.do())
    except BeamsessionError as error:
        return Outcome(errand.what, error=error)
    except Exception as fault:
        _log.exception("%s failed", errand.what)
        sentence = f"The panel failed at this: {type(fault).__name__}: {fault}."
        return Outcome(errand.what, error=BeamsessionError(sentence, remedy="Its log tells more."))
