"""The detector's clock against ours: when a frame was posted, in our time, and how far the clocks are apart."""

from __future__ import annotations

from statistics import median

from beamsession.model.completeness import ClockOffset

_FIRST = 100  # frames the offset is taken from
_NS = 1_000_000_000
_LATE_NS = _NS  # no frame that was not held up comes as late as this: the clock is behind


class FrameClock:
    """Told of each frame's time stamp and arrival, ns since 1970.

    A time stamp later than the arrival can only come from a clock that is ahead. An earlier one may be a late frame
    or a clock that is behind; it is the clock if the frame cannot have waited with us: `empty_ns` is when nothing
    was waiting for the last time.
    """

    def __init__(self) -> None:
        self._lags: list[int] = []
        self._least_lag = 0
        self._none_waited = False

    def see(self, time_ns: int, receive_ns: int, empty_ns: int) -> None:
        """Learn from a frame that has a time stamp of its own."""
        lag = receive_ns - time_ns
        self._least_lag = min(self._least_lag, lag) if self._lags else lag
        self._none_waited = self._none_waited or empty_ns - time_ns > _LATE_NS
        if len(self._lags) < _FIRST:
            self._lags.append(lag)

    def ours(self, time_ns: int) -> int:
        """A time of the detector's clock in our time, as far as is known; small differences are left alone."""
        is_ahead = self._least_lag < 0
        is_behind = self._none_waited and self._least_lag > _LATE_NS
        return time_ns + self._least_lag if is_ahead or is_behind else time_ns

    @property
    def offset(self) -> ClockOffset | None:
        """From the first frames; None before any, and for frames without time stamps of their own."""
        if not self._lags:
            return None
        return ClockOffset(minimum=min(self._lags) / _NS, median=median(self._lags) / _NS, frames=len(self._lags))
