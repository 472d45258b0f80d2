"""Things that go wrong on purpose: on which route, at which call, in which way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any


class FaultKind(StrEnum):
    """A way for a request to go wrong; *before* and *after* are seen from the commit."""

    DELAY = "delay"
    FAIL_BEFORE = "fail_before"
    FAIL_AFTER = "fail_after"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    CUT_MIDDLE = "cut_middle"
    LATE = "late"
    EXPIRE_TOKENS = "expire_tokens"
    FORGET_TOKENS = "forget_tokens"
    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    WRONG_JSON = "wrong_json"
    PAGE = "page"
    MOVED = "moved"
    ENDLESS = "endless"
    REFUSE = "refuse"
    CLOCK_JUMP = "clock_jump"


@dataclass(frozen=True)
class Fault:
    """A fault on the routes that match `route`, from the `nth` such call after it was set, `times` in a row.

    `route` is a shell pattern for a route's name, for example `POST /api/v?/origdatablocks`. `times` 0 means for
    ever. `status` is for the failures, the page and the redirection; `seconds` for a delay, the Retry-After of 429 (a
    date where it is negative), the time during which connections are refused, and the jump of the clock. LATE is a
    proxy that gives up with 504 at once, while the backend does what was asked `seconds` later. PAGE is a page where an
    answer should be, and nothing is done. ENDLESS begins an answer that has no end.
    """

    kind: FaultKind
    route: str = "*"
    nth: int = 1
    times: int = 1
    status: int = 500
    seconds: float = 1.0

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Fault:
        """A fault from its JSON object; ValueError or TypeError for what is no fault."""
        return cls(FaultKind(content["kind"]), **{key: value for key, value in content.items() if key != "kind"})


class FaultBook:
    """The faults that are set; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[int, tuple[Fault, int]] = {}
        self._next = 0
        self._struck: Counter[tuple[FaultKind, str]] = Counter()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            for fault in faults:
                self._calls[self._next] = (fault, 0)
                self._next += 1

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def pending(self) -> list[Fault]:
        """The faults that have not run out."""
        with self._lock:
            return [fault for fault, _ in self._calls.values()]

    def struck(self) -> dict[tuple[FaultKind, str], int]:
        """How often each kind has struck, by the names of the routes."""
        with self._lock:
            return dict(self._struck)

    def due(self, route: str) -> list[Fault]:
        """Count a call of `route` and return the faults that strike it."""
        striking = []
        with self._lock:
            for key, (fault, calls) in list(self._calls.items()):
                if not fnmatchcase(route.casefold(), fault.route.casefold()):
                    continue
                count = calls + 1
                self._calls[key] = (fault, count)
                if count >= fault.nth:
                    striking.append(fault)
                    self._struck[fault.kind, route] += 1
                if fault.times and count >= fault.nth + fault.times - 1:
                    del self._calls[key]
        return striking


def first(faults: Iterable[Fault], *kinds: FaultKind) -> Fault | None:
    return next((fault for fault in faults if fault.kind in kinds), None)
