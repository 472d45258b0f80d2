"""Times in which the source of the frames was away: what nobody can vouch for is told, not passed over."""

from __future__ import annotations

import time

from beamsession.record.sources.source import Connection

_MOST = 20


class Absences:
    """Of one run. `numbered`: the detector numbers its frames, so the next one may tell that none was lost."""

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self._losses = 0
        self._since: float | None = None
        self._back: float | None = None
        self._last_id: int | None = None
        self._ended: list[str] = []
        self._more = 0

    def begin(self, connection: Connection) -> None:
        """The run records from now on."""
        self._losses = connection.losses
        if not connection.present:
            self._since = time.monotonic()

    def look(self, connection: Connection, last_id: int | None, *, recording: bool) -> bool:
        """Note where the source is; `last_id` is the highest id so far. True if there is something new to tell.

        An absence that began while nothing was `recording`, and ended then too, is forgotten.
        """
        lost = connection.losses > self._losses
        self._losses = connection.losses
        now = time.monotonic()
        if lost and recording:
            if self._since is None:
                self._since, self._last_id = now, last_id
            self._back = now if connection.present else None
            return True
        if not connection.present and self._since is None and recording:
            self._since, self._last_id = now, last_id
            return True
        if connection.present and self._since is not None and self._back is None:
            self._back = now
            return True
        return False

    def end(self, unique_id: int) -> None:
        """A frame has come; where it follows the last one before the absence, nothing was lost."""
        if self._since is None:
            return
        if not (self._numbered and self._last_id is not None and unique_id == self._last_id + 1):
            if len(self._ended) < _MOST:
                self._ended.append(self._sentence())
            else:
                self._more += 1
        self._since = self._back = self._last_id = None

    def sentences(self) -> tuple[str, ...]:
        """What has to be told, the present absence last."""
        more = (f"and {self._more} times more",) if self._more else ()
        return (*self._ended, *more, *((self._sentence(),) if self._since is not None else ()))

    def _sentence(self) -> str:
        assert self._since is not None
        if self._back is None:
            return "its source went away and has not come back"
        return f"its source was away for {max(self._back - self._since, 0.1):.1f} s"
