"""Whether a catalogue can be reached, as the worker found it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CatalogueState(StrEnum):
    """What is known of a catalogue; NONE where none is configured."""

    NONE = "NONE"
    UNKNOWN = "UNKNOWN"
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True)
class CatalogueStanding:
    """One catalogue (`target` is its address) at the last change: since when it is so, and why it is not reached."""

    target: str
    state: CatalogueState
    since: datetime
    reason: str = ""
