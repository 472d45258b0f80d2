"""One PV as plain data: what the server serves, the screens show, and the reference page tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a PV holds, and what a Channel Access client sees of it."""

    LONG = "long"
    """a 32-bit whole number (DBR_LONG)"""
    DOUBLE = "double"
    """a real number; a 64-bit whole number is one with precision 0, as int64in serves it (DBR_DOUBLE)"""
    ENUM = "enum"
    """one of `choices` (DBR_ENUM)"""
    STRING = "string"
    """39 bytes of text (DBR_STRING); all of it, UTF-8, as `Name$` and `Name.VAL$` (DBR_CHAR)"""
    TEXT = "text"
    """text of up to `length` bytes, UTF-8 (DBR_CHAR waveform)"""
    LONGS = "longs"
    """up to `count` whole numbers (DBR_LONG waveform)"""
    STRINGS = "strings"
    """up to `count` texts of 39 bytes (DBR_STRING waveform)"""
    COMMAND = "command"
    """a busy record: 1 = go; it goes back to 0 when the command has ended (DBR_ENUM)"""


class Group(StrEnum):
    """Where a PV belongs; the reference page and the screens have one part for each."""

    DEVICE = "device"
    SESSION = "session"
    RUN = "run"
    DISK = "disk"
    CATALOGUE = "catalogue"
    LOG = "log"
    INPUT = "input"
    COMMAND = "command"
    OUTCOME = "outcome"
    DETECTOR = "detector"
    RUNS = "runs"
    BRIDGE = "bridge"


@dataclass(frozen=True)
class Pv:
    """One PV below `$(P)$(R)`.

    `attribute` is the manager's Tango attribute that it shows, `verb` what a write has done. `record` is the EPICS
    record type that it imitates (`.RTYP`). `choices` are an enumeration's; `severities` what they mean by themselves
    (empty: nothing), each NO_ALARM, MINOR, MAJOR or INVALID. `low` and `high` limit what is shown, and what may be
    written. `length` is in bytes of UTF-8, `count` in elements. `archived` PVs go into the archiver's list, `alarmed`
    ones into the alarm tree's.
    """

    name: str
    kind: Kind
    doc: str
    group: Group
    record: str
    attribute: str = ""
    verb: str = ""
    writable: bool = False
    choices: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    units: str = ""
    precision: int = 0
    low: float | None = None
    high: float | None = None
    length: int = 0
    count: int = 1
    archived: bool = False
    alarmed: bool = False
