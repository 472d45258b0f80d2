"""What the process of an external detector needs from each kind of them."""

from __future__ import annotations

from typing import Protocol

from beamsession.model.report import Problem
from beamsession.record.external.messages import Begin, Told


class Work(Protocol):
    """One run at a time. Everything happens in one thread; only `begin` and `discard` may take their time."""

    @property
    def busy(self) -> bool:
        """Whether a run is not ended yet: `step` has to be called."""
        ...

    def problems(self) -> tuple[Problem, ...]:
        """Every reason why a run would fail now; changes nothing."""
        ...

    def begin(self, order: Begin) -> None:
        """Make ready. Raises RefusedError; all that was changed is then as it was."""
        ...

    def arm(self) -> None:
        """Let it record."""
        ...

    def pause(self) -> None:
        """Let frames pass; nothing where it has all already."""
        ...

    def resume(self) -> None:
        """Let it record again; nothing where it has all already."""
        ...

    def stop(self, *, drain: bool) -> None:
        """Begin to end; `step` goes on with it."""
        ...

    def discard(self) -> None:
        """The run that was begun will not be: let go at once, and leave no file."""
        ...

    def recover(self, order: Begin) -> None:
        """Begin to end what a process that died has begun."""
        ...

    def step(self) -> None:
        """Look, and go on with what is begun."""
        ...

    def told(self) -> Told:
        """How far it is."""
        ...
