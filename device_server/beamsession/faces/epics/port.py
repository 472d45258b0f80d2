"""What the commands need of the session manager, whoever brings it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class ManagerPort(Protocol):
    """The manager as the bridge sees it: its attributes as they were last heard, and its verbs."""

    @property
    def heard(self) -> Mapping[str, Any]:
        """The last value of each attribute by its name; enumerations by their labels."""
        ...

    async def call(self, verb: str, client: str, **arguments: Any) -> Any:
        """The verb's answer, once `heard` shows what it changed; BeamsessionError."""
        ...

    async def unlock(self, token: str) -> None:
        """Give staff's rights to Tango and CA clients for a while; BeamsessionError."""
        ...

    async def until(self, reached: Callable[[Mapping[str, Any]], bool]) -> None:
        """Wait until `reached` is true of `heard`; UnavailableError when the manager is away for long."""
        ...
