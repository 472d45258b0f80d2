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


class CatalogueStateLabel(StrictEnum):
    """Whether the catalogue can be reached; NONE where none is configured."""

    NONE = "NONE"
    UNKNOWN = "UNKNOWN"
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"


class IngestStateLabel(StrictEnum):
    """How far the session completed last is on its way to the catalogue; NONE where it was never sent."""

    NONE = "NONE"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PARKED = "PARKED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class AlarmSeverityLabel(StrictEnum):
    """Severity of the worst problem."""

    NO_ALARM = "NO_ALARM"
    MINOR = "MINOR"
    MAJOR = "MAJOR"
    INVALID = "INVALID"
