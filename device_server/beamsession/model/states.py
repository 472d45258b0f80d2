"""The states a session, a run and the device can be in; the order of members is the DevEnum's and never changes."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """Life of a session; NONE is shown by a device that has no open session and is never stored."""

    NONE = "NONE"
    STARTED = "STARTED"
    PAUSED = "PAUSED"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"
    CANCELLED = "CANCELLED"

    @property
    def is_open(self) -> bool:
        """Whether acquisition commands act on a session in this state."""
        return self in (SessionState.STARTED, SessionState.PAUSED)

    @property
    def is_editable(self) -> bool:
        """Whether metadata, files and runs may still change: everything before the catalogue has it."""
        return self in (
            SessionState.STARTED,
            SessionState.PAUSED,
            SessionState.COMPLETING,
            SessionState.COMPLETED,
        )


class RunState(StrEnum):
    """Life of a run; the last four members but one are verdicts, LOST means that its recorder cannot be reached."""

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

    @property
    def is_verdict(self) -> bool:
        """Whether the run has ended for good."""
        return self in (RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)

    @property
    def is_live(self) -> bool:
        """Whether the run holds the recorder (a LOST one may)."""
        return self not in (RunState.NONE,) and not self.is_verdict


class RunIntent(StrEnum):
    """What was last asked of a run; the manager brings the recorder there, also after a crash."""

    RECORD = "record"
    PAUSE = "pause"
    STOP = "stop"
    ABORT = "abort"


class IngestState(StrEnum):
    """How far a completed session is on its way to the catalogue."""

    PENDING = "pending"
    RUNNING = "running"
    PARKED = "parked"
    DONE = "done"
    CANCELLED = "cancelled"


class DatasetState(StrEnum):
    """How far one dataset of a session is on its way to the catalogue."""

    WAITING = "waiting"
    SENDING = "sending"
    STORED = "stored"


class DeviceState(StrEnum):
    """The states of the Tango device that are used, most severe first."""

    FAULT = "FAULT"
    INIT = "INIT"
    RUNNING = "RUNNING"
    ALARM = "ALARM"
    ON = "ON"
    STANDBY = "STANDBY"
