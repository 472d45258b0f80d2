"""What comes from a Tango device, in the order in which it came, on its way to the receiver's thread."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Picture:
    """A valid value of the frames' attribute, contiguous, in the shape of a frame.

    `unique_id` is None where its id comes apart from it, or not at all.
    """

    pixels: NDArray
    time_ns: int
    receive_ns: int
    unique_id: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A value of the attribute that numbers the frames."""

    unique_id: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Presence:
    """The device went away, or has come back."""

    present: bool


Item = Picture | Number | Presence | Exception


class Inbox:
    """Filled by threads of the client library; `fileno` is readable when there is something new.

    At most `limit` bytes of pictures wait; what comes beyond that is `lost`. Everything but a `Presence` bears the
    run's `ticket`, and is dropped when another run has begun.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._ticket = 0
        self.lost = 0

    def fileno(self) -> int:
        """For `select`."""
        return self._wake

    def begin(self, ticket: int) -> None:
        """Take only what belongs to this run from now on; what waits is dropped, but where the device is."""
        with self._lock:
            self._ticket = ticket
            self._items = deque(item for item in self._items if isinstance(item, Presence))
            self._bytes = 0
            self.lost = 0

    def put(self, ticket: int, item: Item) -> None:
        """Add one."""
        with self._lock:
            if ticket != self._ticket:
                return
            if isinstance(item, Picture):
                if self._bytes + item.pixels.nbytes > self._limit:
                    self.lost += 1
                    return
                self._bytes += item.pixels.nbytes
            self._items.append(item)
        self.signal()

    def tell(self, *, present: bool) -> None:
        """Add where the device is."""
        with self._lock:
            self._items.append(Presence(present))
        self.signal()

    def lose(self, ticket: int, count: int = 1) -> None:
        """Count frames that are known not to have come."""
        with self._lock:
            if ticket == self._ticket:
                self.lost += count
        self.signal()

    def peek(self) -> Item | None:
        """The first, which stays; None if there is none."""
        with self._lock:
            return self._items[0] if self._items else None

    def pop(self) -> Item | None:
        """Take the first; None if there is none."""
        with self._lock:
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Picture):
                self._bytes -= item.pixels.nbytes
            return item

    def signal(self) -> None:
        """Make `fileno` readable."""
        os.eventfd_write(self._wake, 1)

    def clear(self) -> None:
        """Make it not readable, before looking."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
