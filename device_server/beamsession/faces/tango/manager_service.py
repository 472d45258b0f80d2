"""What the SessionManager device needs from the server behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from beamsession.model.errors import BeamsessionError
from beamsession.model.principal import Caller, Principal
from beamsession.model.view import View


class Identities(Protocol):
    """Who requests come from."""

    def operator(self) -> Principal:
        """The principal of a client without identity."""
        ...

    def claimed(self, claim: object, token: str) -> Principal:
        """The principal a request claims, as far as its token is good for it."""
        ...

    def unlock(self, token: str) -> None:
        """Make the operator staff for a while."""
        ...


class ManagerService(Protocol):
    """One instrument at work."""

    @property
    def identity(self) -> Identities:
        """Who requests come from."""
        ...

    @property
    def view(self) -> View:
        """The present view; never blocks."""
        ...

    def subscribe(self, listener: Callable[[View, View], None]) -> None:
        """Call `listener(old, new)` at each change of the view, from any thread."""
        ...

    def submit(self, verb: str, arguments: dict[str, Any], caller: Caller) -> Future[Any]:
        """Queue a verb."""
        ...

    def refuse(self, verb: str, text: str, caller: Caller, error: BeamsessionError) -> None:
        """Log a request that could not be understood."""
        ...

    def stop(self) -> None:
        """Let go of the instrument."""
        ...
