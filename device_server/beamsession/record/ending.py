"""How a run is to end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ending:
    """`drain` writes what was received; with a `reason` the verdict is ABORTED."""

    drain: bool
    reason: str = ""

    def joined(self, later: Ending) -> Ending:
        """This and a later wish: who drops wins, the first reason stays."""
        return Ending(self.drain and later.drain, self.reason or later.reason)


STOP = Ending(drain=True)
