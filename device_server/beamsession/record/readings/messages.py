"""What the recorder and its readings process say to each other, as JSON lines."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.plan import FileRules
from beamsession.model.reading import ConstantConfig, Protocol, ReadingConfig
from beamsession.model.value import Value
from beamsession.record.readings.reading import Reading

DO = "do"
MOST_TOLD = 20
"""PVs that are named one by one; of more only the number is told."""
MOST_ROWS = 2_000_000
"""Values that may wait for the disk, where nothing else is configured: 42 MB."""


class Configure(Value):
    """First of all: what to watch, for the life of the process. No reply is awaited for the connections."""

    do: str = "configure"
    readings: tuple[ReadingConfig, ...]
    constants: tuple[ConstantConfig, ...]
    most_rows: int = MOST_ROWS


class Silent(Value):
    """A PV that does not answer, or answers with what cannot be recorded; `key` is its place in the configuration."""

    name: str
    pv: str
    key: str
    refusal: str = ""
    source: Protocol = Protocol.CA


class Silence(Value):
    """How many PVs are silent, and the first of them."""

    count: int = 0
    first: tuple[Silent, ...] = ()


class Look(Value):
    """Ask which PVs would keep a run from starting, after waiting for those that are still connecting."""

    do: str = "look"
    timeout_s: float


class Seen(Value):
    """The answer to `Look`."""

    readings: Silence = Silence()
    constants: Silence = Silence()


class Begin(Value):
    """Create the table and record; without readings there is no table, and `path` is None."""

    do: str = "begin"
    path: Path | None
    rules: FileRules
    timeout_s: float


class End(Value):
    """Write what is there, close the table; `timeout_s` is for the constants."""

    do: str = "end"
    timeout_s: float


class Progress(Value):
    """Sent by the process itself: rows that are safe in the table, values that found no room, and what went wrong.

    `losers` are the names of the first readings that lost values.
    """

    count: int = 0
    lost: int = 0
    losers: tuple[str, ...] = ()
    failure: str = ""


class Constants(Value):
    """The answer to `Begin` and `End`; a constant that did not answer at the end is left out."""

    constants: dict[str, Reading]
    progress: Progress = Progress()
