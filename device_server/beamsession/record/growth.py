"""How much a detector's own counter has grown since the detector was armed."""

from __future__ import annotations


class Growth:
    """A counter that may be reset, at the start of an acquisition for example: it then counts from 0 again."""

    def __init__(self) -> None:
        self._last: int | None = None
        self.total = 0
        self.was_reset = False

    @property
    def is_known(self) -> bool:
        """Whether the counter had a value from which growth can be told."""
        return self._last is not None

    def skip(self, value: int) -> None:
        """Take the counter's next value; what it has grown since the one before does not count."""
        self._last = value

    def see(self, value: int, *, counting: bool = True) -> bool:
        """Take the counter's next value, and count what it grew by if `counting`; whether that changed the total."""
        before, self._last = self._last, value
        if not counting or before is None or value == before:
            return False
        if value < before:
            self.was_reset = True
            self.total += value
        else:
            self.total += value - before
        return True
