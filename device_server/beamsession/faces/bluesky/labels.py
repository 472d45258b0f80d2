"""The device's enumerations as ophyd-async wants them: text labels that must be exactly those of the device."""

from ophyd_async.core import StrictEnum


class SessionStateLabel(StrictEnum):
    """Life of the open session; NONE without one."""

    NONE = "NONE"
    STARTED = "STARTED"
    PAUSED = "PAUSED"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"
    CANCELLED = "CANCELLED"


class RunStateLabel(StrictEnum):
    """State of the newest run; a verdict stays until the next run."""

    NONE = "NONE"
    PREPARING = "PREPARING"
    RECORDING = "RECORDING"
    PAUSED = "PAUSED"
    DRAINING = "DRAINING"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    ABORTED = "ABORTED"
    FAILED = "FAILED"
    LOST = "LOST"


class AlarmSeverityLabel(StrictEnum):
    """Severity of the worst problem."""

    NO_ALARM = "NO_ALARM"
    MINOR = "MINOR"
    MAJOR = "MAJOR"
    INVALID = "INVALID"
