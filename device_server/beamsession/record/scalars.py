"""What the readings and constants of a run are to the recorder, whoever reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.readings.reading import Reading


class ReadingsLost(NamedTuple):
    """How many readings a run lost because the disk did not follow, and the names of the first that did."""

    count: int = 0
    first: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The same for a person; empty if none was lost."""
        if not self.count:
            return ""
        return f"{self.count} values were lost, the disk did not follow ({', '.join(self.first)} …)"


class Scalars(Protocol):
    """All readings and constants of a recorder; one run at a time, called from one thread."""

    @property
    def count(self) -> int:
        """Readings written in the present run."""
        ...

    @property
    def lost(self) -> ReadingsLost:
        """Readings of the present run that found no room."""
        ...

    @property
    def failure(self) -> str:
        """A sentence where something broke; the frames are not touched by it."""
        ...

    def check(self) -> tuple[Problem, ...]:
        """Every reason why a run would fail now; changes nothing."""
        ...

    def prepare(self, plan: RunPlan) -> Mapping[str, Reading]:
        """Create the table, begin to record; the constants at start by name. Raises RefusedError."""
        ...

    def stop(self) -> Mapping[str, Reading]:
        """End and close the table; the constants at the end by name."""
        ...

    def data_file(self) -> Path | None:
        """The table's file, None where there are no readings."""
        ...

    def pids(self) -> dict[str, int]:
        """Its processes by role."""
        ...

    def shutdown(self) -> None:
        """End its processes."""
        ...
