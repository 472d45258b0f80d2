"""Which handler answers a request: literal parts ignore case, and an escaped slash stays inside its part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from .backend import Handler


@dataclass(frozen=True)
class Route:
    """A method and a path such as `/api/v4/datasets/{pid}`."""

    method: str
    path: str
    handler: Handler

    @property
    def name(self) -> str:
        """How faults and counters call it: `GET /api/v4/datasets/{pid}`."""
        return f"{self.method} {self.path}"

    def parameters(self, method: str, parts: list[str]) -> dict[str, str] | None:
        """The values of the path's placeholders, or None if the request is not for this route."""
        wanted = self.path.split("/")
        if method != self.method or len(wanted) != len(parts):
            return None
        found = {}
        for pattern, part in zip(wanted, parts, strict=True):
            if pattern.startswith("{") and part:
                found[pattern.strip("{}")] = unquote(part)
            elif pattern.casefold() != part.casefold():
                return None
        return found


class Router:
    """Routes in order: of two that fit, the first wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        parts = raw_path.rstrip("/").split("/") if raw_path != "/" else ["", ""]
        for route in self.routes:
            parameters = route.parameters(method, parts)
            if parameters is not None:
                return route, parameters
        return None
