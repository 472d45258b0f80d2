"""What a protocol is to the readings: PVs that are watched, described, and read once."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from beamsession.record.readings.reading import Reading


class Facts(NamedTuple):
    """What a PV says about itself; `units` None where it names none; `refusal`: why it can be no reading, or empty."""

    units: str | None = None
    description: str = ""
    labels: tuple[str, ...] = ()
    refusal: str = ""

    def text_of(self, number: int) -> str:
        """The text of an enumeration's value, the number itself where it has none."""
        return self.labels[number] if 0 <= number < len(self.labels) else str(number)


class Watcher(Protocol):
    """Told what happens to one PV, from threads of the EPICS library."""

    def post(self, moment: int, value: float, severity: int) -> None:
        """A value, stamped `moment` ns since the epoch (0: the source gave no time stamp)."""
        ...

    def describe(self, facts: Facts) -> None:
        """What the PV is; again after each time it was gone."""
        ...

    def lose(self) -> None:
        """It disconnected."""
        ...


class ScalarSource(Protocol):
    """The PVs of one protocol."""

    def watch(self, pv: str, watcher: Watcher) -> None:
        """Subscribe for the life of the process; does not wait."""
        ...

    def read(self, pv: str, timeout: float) -> Reading | None:
        """The value at this moment with its units; None if the PV does not answer within `timeout` seconds."""
        ...
