"""One value of a scalar PV as it stood at one moment."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from beamsession.model.value import Value


class Severity(IntEnum):
    """EPICS alarm severities; a PV that disconnected is INVALID."""

    NONE = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


class Reading(Value):
    """What a PV said: `time` is its own time stamp, which may be old; `units` None where neither it nor the
    configuration tells them, empty where the value has none. An enumeration's `value` is its text.
    """

    value: int | float | str
    units: str | None = None
    time: datetime
    severity: Severity = Severity.NONE
