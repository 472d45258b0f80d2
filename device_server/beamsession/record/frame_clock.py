"""The detector's clock against ours: when a frame was posted, in our time, and how far the clocks are apart."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection
from statistics import median

from beamsession.model.completeness import ClockOffset

_FIRST = 100  # frames the offset is taken from
_RECENT = 100  # frames that tell whether the clock is ahead now
_AGREEING = 3  # frames that prove it
_NS = 1_000_000_000
_LATE_NS = _NS  # no frame that was not held up comes as late as this: the clock is behind


class FrameClock:
    """Told of each frame's time stamp and arrival, ns since 1970.

    A time stamp later than the arrival can only come from a clock that is ahead, or be wrong: one that is more than a
    second ahead of the others of its time is wrong. An earlier one may be a late frame or a clock that is behind; it
    is the clock if the frame cannot have waited with us: `empty_ns` is when nothing was waiting for the last time. Then
    nothing is known of when it was posted: the clock was set back, or the frame waited elsewhere.
    """

    def __init__(self) -> None:
        self._lags: list[int] = []
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._plain = 0  # frames in a row that were not far ahead
        self._least_plain: int | None = None  # of all that were not far ahead
        self._least_lag = 0
        self._none_waited = False

    def see(self, time_ns: int, receive_ns: int, empty_ns: int) -> None:
        """Learn from a frame that has a time stamp of its own."""
        lag = receive_ns - time_ns
        if lag >= -_LATE_NS:
            self._least_plain = lag if self._least_plain is None else min(self._least_plain, lag)
            self._plain += 1
        else:
            self._plain = 0
        self._recent.append(lag)
        # Where none of them is far ahead there is nothing to look for: so it is for nearly every frame.
        ahead = None if self._plain >= len(self._recent) else _ahead(self._recent)
        self._least_lag = ahead if ahead is not None else (self._least_plain or 0)
        self._none_waited = self._none_waited or empty_ns - time_ns > _LATE_NS
        if len(self._lags) < _FIRST:
            self._lags.append(lag)

    def ours(self, time_ns: int) -> int:
        """A time of the detector's clock in our time, as far as is known; small differences are left alone."""
        is_ahead = self._least_lag < 0
        is_behind = self._none_waited and self._least_lag > _LATE_NS
        return time_ns + self._least_lag if is_ahead or is_behind else time_ns

    def posted(self, time_ns: int, receive_ns: int, empty_ns: int) -> int | None:
        """When a frame was posted, in our time; None where its time stamp does not tell.

        That is where it is in the future, or more than a second before the frame can have been here.
        """
        posted = self.ours(time_ns)
        is_ahead = posted > receive_ns + _LATE_NS
        is_behind = min(empty_ns, receive_ns) > posted + _LATE_NS
        return None if is_ahead or is_behind else posted

    @property
    def offset(self) -> ClockOffset | None:
        """From the first frames; None before any, and for frames without time stamps of their own."""
        if not self._lags:
            return None
        ahead = _ahead(self._lags)
        least = min(lag for lag in self._lags if lag >= -_LATE_NS) if ahead is None else ahead
        return ClockOffset(minimum=least / _NS, median=median(self._lags) / _NS, frames=len(self._lags))


def _ahead(lags: Collection[int]) -> int | None:
    """The least of these lags if it proves that the clock is more than a second ahead: others agree with it."""
    ordered = sorted(lags) if min(lags) < -_LATE_NS else []
    if not ordered:
        return None
    needed = min(_AGREEING, len(ordered) // 2 + 1)
    for place, lag in enumerate(ordered):
        if lag >= -_LATE_NS:
            return None
        if bisect_right(ordered, lag + _LATE_NS) - place >= needed:
            return lag
    return ordered[0]  # None agrees with another, and all are ahead.
