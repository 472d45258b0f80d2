"""Which requests reached the catalogue."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

_KEPT = 10_000


@dataclass(frozen=True)
class Entry:
    """One request: its route's name, what the client called, and the status; 0 if no answer was given."""

    route: str
    path: str
    user: str | None
    status: int


class RequestLog:
    """Counters by route, and the latest requests; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._counts[entry.route] += 1
            self._entries.append(entry)

    def count(self, route: str = "*") -> int:
        """How many requests came for the routes that match a shell pattern."""
        with self._lock:
            return sum(
                number for name, number in self._counts.items() if fnmatchcase(name.casefold(), route.casefold())
            )

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._entries.clear()

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            entries = [asdict(entry) for entry in self._entries]
            return {"total": sum(self._counts.values()), "by_route": dict(self._counts), "requests": entries}
