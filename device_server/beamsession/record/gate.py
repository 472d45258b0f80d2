"""Which frames of a run fall into a pause: by the time at which they were posted, whenever they come."""

from __future__ import annotations


class Gate:
    """The pauses of one run, each from a moment (not included) to another (included), ns since 1970.

    Frames that do not say when they were posted are judged by their arrival: `settle` is called when all that had
    come before the last `close` or `open` was judged.
    """

    def __init__(self) -> None:
        self._pauses: list[tuple[int, int | None]] = []
        self._closed = False

    def close(self, at_ns: int) -> None:
        """Frames posted after `at_ns` are not to be recorded."""
        if not self._is_closing:
            self._pauses.append((at_ns, None))

    def open(self, at_ns: int) -> None:
        """Frames posted after `at_ns` are to be recorded again."""
        if self._is_closing:
            self._pauses[-1] = (self._pauses[-1][0], at_ns)

    def settle(self) -> None:
        """From now on what arrives is judged by the last order."""
        self._closed = self._is_closing

    def shuts_out(self, posted_ns: int | None) -> bool:
        """Whether a frame posted at this moment, or one just come (None), falls into a pause."""
        if posted_ns is None:
            return self._closed
        return any(begin < posted_ns and (end is None or posted_ns <= end) for begin, end in reversed(self._pauses))

    @property
    def _is_closing(self) -> bool:
        return bool(self._pauses) and self._pauses[-1][1] is None
