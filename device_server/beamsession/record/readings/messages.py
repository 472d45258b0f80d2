"""What the recorder and its readings process say to each other, as JSON lines."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.detector import ConstantConfig, ReadingConfig, Value
from beamsession.model.plan import FileRules
from beamsession.record.readings.reading import Reading

DO = "do"


class Configure(Value):
    """First of all: what to watch, for the life of the process. No reply is awaited for the connections."""

    do: str = "configure"
    readings: tuple[ReadingConfig, ...]
    constants: tuple[ConstantConfig, ...]


class Silent(Value):
    """A PV that does not answer, or answers with what cannot be recorded; `key` is its place in the configuration."""

    name: str
    pv: str
    key: str
    refusal: str = ""


class Look(Value):
    """Ask which PVs would keep a run from starting, after waiting for those that are still connecting."""

    do: str = "look"
    timeout_s: float


class Seen(Value):
    """The answer to `Look`."""

    silent: tuple[Silent, ...] = ()


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


class Constants(Value):
    """The answer to `Begin` and `End`; a constant that did not answer at the end is left out."""

    constants: dict[str, Reading]
    count: int = 0
    failure: str = ""


class Progress(Value):
    """Sent by the process itself: rows that are safe in the table, and what went wrong."""

    count: int
    failure: str = ""
