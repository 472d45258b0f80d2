"""Every PV of the bridge: attributes, inputs, commands and their outcome, detectors, runs, and the bridge itself.

Plain data; nothing here imports an EPICS or Tango library. `layout(detectors)` is the list of one beamline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from beamsession.faces.epics.pv import Group, Kind, Pv
from beamsession.model.alarms import Severity
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.states import IngestState, RunState, SessionState

DEVICE_STATES = (
    *("ON", "OFF", "CLOSE", "OPEN", "INSERT", "EXTRACT", "MOVING", "STANDBY", "FAULT", "INIT", "RUNNING", "ALARM"),
    *("DISABLE", "UNKNOWN"),
)
"""Tango's own, in Tango's order."""
_DEVICE_SEVERITIES = {"FAULT": "MAJOR", "ALARM": "MAJOR", "INIT": "MINOR", "UNKNOWN": "INVALID"}
OUTCOMES = ("IDLE", "BUSY", "DONE", "FAILED")
DETECTOR_STATES = ("IDLE", "WAITING", "RECORDING", "COMPLETED", "INCOMPLETE")
INGEST_STATES = ("NONE", *(state.name for state in IngestState))
SEVERITIES = tuple(severity.name for severity in Severity)
NEWEST_RUNS = 20
MAX_DETECTORS = 64
_STRING_BYTES = 1024  # 200 characters of a name or title, none of which must be ASCII
_TEXT_BYTES = 16_384
_BIG_TEXT_BYTES = 262_144


def _number(name: str, group: Group, doc: str, **facts: Any) -> Pv:
    return Pv(name, Kind.LONG, doc, group, "longin", **{"attribute": name, **facts})


def _big(name: str, group: Group, doc: str, **facts: Any) -> Pv:
    return Pv(name, Kind.DOUBLE, doc, group, "int64in", **{"attribute": name, **facts})


def _real(name: str, group: Group, doc: str, **facts: Any) -> Pv:
    return Pv(name, Kind.DOUBLE, doc, group, "ai", attribute=name, **facts)


def _enum(name: str, group: Group, doc: str, choices: Sequence[str], **facts: Any) -> Pv:
    return Pv(name, Kind.ENUM, doc, group, "mbbi", choices=tuple(choices), **{"attribute": name, **facts})


def _string(name: str, group: Group, doc: str, **facts: Any) -> Pv:
    return Pv(name, Kind.STRING, doc, group, "lsi", length=_STRING_BYTES, **{"attribute": name, **facts})


def _text(name: str, group: Group, doc: str, length: int = _TEXT_BYTES, **facts: Any) -> Pv:
    return Pv(name, Kind.TEXT, doc, group, "waveform", length=length, **{"attribute": name, **facts})


def _input(name: str, kind: Kind, doc: str, record: str, **facts: Any) -> Pv:
    return Pv(name, kind, doc, Group.INPUT, record, writable=True, **facts)


def _command(name: str, verb: str, doc: str) -> Pv:
    return Pv(name, Kind.COMMAND, doc, Group.COMMAND, "busy", verb=verb, writable=True, choices=("Done", name))


def _written(name: str, verb: str, doc: str) -> Pv:
    return Pv(name, Kind.TEXT, doc, Group.COMMAND, "waveform", verb=verb, writable=True, length=_TEXT_BYTES)


_ATTRIBUTES = (
    _enum(
        "State",
        Group.DEVICE,
        "State of the manager",
        DEVICE_STATES,
        severities=tuple(_DEVICE_SEVERITIES.get(state, "NO_ALARM") for state in DEVICE_STATES),
        archived=True,
    ),
    _text("Status", Group.DEVICE, "What stands and what is wrong, in sentences"),
    _text("Alarms", Group.DEVICE, "All problems in sentences, one a line, the worst first", alarmed=True),
    _number("AlarmCount", Group.DEVICE, "How many problems there are", attribute="Alarms", low=0, archived=True),
    _enum(
        "AlarmSeverity",
        Group.DEVICE,
        "Severity of the worst problem",
        SEVERITIES,
        severities=SEVERITIES,
        archived=True,
        alarmed=True,
    ),
    _string("Version", Group.DEVICE, "Version of the manager"),
    _big("SessionId", Group.SESSION, "Id of the open session, 0 without one", low=0, archived=True),
    _enum(
        "SessionState",
        Group.SESSION,
        "Life of the open session; NONE without one",
        [state.value for state in SessionState],
        archived=True,
    ),
    _text("Root", Group.SESSION, "Folder of the open session, else the data root", 4096),
    _string("StartTime", Group.SESSION, "Start of the session, RFC 3339"),
    _string("StopTime", Group.SESSION, "End of the session, RFC 3339, empty while it is open"),
    _number(
        "RunNumber", Group.RUN, "Number of the newest run in its session, 0 before the first", low=0, archived=True
    ),
    _enum(
        "RunState",
        Group.RUN,
        "State of the newest run; a verdict stays until the next run",
        [state.value for state in RunState],
        archived=True,
        alarmed=True,
    ),
    _text("RunFile", Group.RUN, "NeXus file of the newest run", 4096),
    _number("RunCount", Group.RUN, "Runs of the open session", low=0),
    _big("ExpectedFrames", Group.RUN, "Declared frames of the run over all detectors, 0 where none are", low=0),
    _big("ReceivedFrames", Group.RUN, "Frames received in the run", low=0, archived=True),
    _big("WrittenFrames", Group.RUN, "Frames of the run that are on disk", low=0, archived=True),
    _big("DroppedFrames", Group.RUN, "Frames of the run known to be lost", low=0, archived=True, alarmed=True),
    _real("DataRate", Group.RUN, "Data written over the last second", units="MB/s", precision=1, low=0, archived=True),
    _real("Progress", Group.RUN, "Written of declared frames", units="%", precision=1, low=0, high=100),
    _real(
        "DiskFree",
        Group.DISK,
        "Free space on the data disk",
        units="GiB",
        precision=2,
        low=0,
        archived=True,
        alarmed=True,
    ),
    _real(
        "DiskMinutesLeft",
        Group.DISK,
        "Time until the data disk is full at the present rate; NaN while nothing is written",
        units="min",
        precision=1,
        low=0,
        alarmed=True,
    ),
    _number("IngestPending", Group.CATALOGUE, "Completed sessions on their way to the catalogue", low=0, archived=True),
    _number(
        "IngestParked",
        Group.CATALOGUE,
        "Completed sessions that wait for a person before they can go to the catalogue",
        low=0,
        archived=True,
        alarmed=True,
    ),
    _real(
        "IngestOldestAge",
        Group.CATALOGUE,
        "How long the oldest of those on their way is due, in steps of 10 s; 0 without any",
        units="s",
        precision=0,
        low=0,
        archived=True,
        alarmed=True,
    ),
    _enum(
        "CatalogueState",
        Group.CATALOGUE,
        "Whether the catalogue can be reached; NONE where none is configured",
        [state.value for state in CatalogueState],
        severities=tuple("MINOR" if state is CatalogueState.UNREACHABLE else "NO_ALARM" for state in CatalogueState),
        archived=True,
    ),
    _enum(
        "IngestState",
        Group.CATALOGUE,
        "How far the session completed last is on its way to the catalogue; NONE where it was never sent",
        INGEST_STATES,
        severities=tuple("MINOR" if state == IngestState.PARKED.name else "NO_ALARM" for state in INGEST_STATES),
        archived=True,
    ),
    _big("LastCompletedId", Group.CATALOGUE, "Id of the session completed last, 0 before the first", low=0),
    _string("DatasetPid", Group.CATALOGUE, "Its dataset in the catalogue, empty until it is archived"),
    Pv(
        "SessionIds",
        Kind.LONGS,
        "The newest 1000 session ids, newest first",
        Group.CATALOGUE,
        "waveform",
        attribute="SessionIds",
        count=1000,
    ),
    _text("LastEvent", Group.LOG, "The newest line of the event log, JSON", _BIG_TEXT_BYTES),
    _big("EventCount", Group.LOG, "Sequence number of the newest event; only grows", low=0),
    _text("LastError", Group.LOG, "Why the last refused command was refused"),
)

_INPUTS = (
    _input("SessionName", Kind.STRING, "Name for the next Start", "lso", length=_STRING_BYTES),
    _string("SessionName_RBV", Group.SESSION, "Name of the open session", attribute="SessionName"),
    _input("SessionTitle", Kind.STRING, "Title for the next Start", "lso", length=_STRING_BYTES),
    _string("SessionTitle_RBV", Group.SESSION, "Title of the open session", attribute="SessionTitle"),
    _input("Proposal", Kind.STRING, "Proposal for the next Start", "lso", length=_STRING_BYTES),
    _string("Proposal_RBV", Group.SESSION, "Proposal of the open session", attribute="Proposal"),
    _input(
        "Metadata",
        Kind.TEXT,
        "Metadata for the next Start, a JSON object; empty: none",
        "waveform",
        length=_BIG_TEXT_BYTES,
    ),
    _text(
        "Metadata_RBV",
        Group.SESSION,
        "Metadata of the open session, a JSON object",
        _BIG_TEXT_BYTES,
        attribute="Metadata",
    ),
    _input(
        "RunFrames",
        Kind.LONG,
        "Frames per detector for the next StartRun; 0: as configured, else until StopRun",
        "longout",
        low=0,
        high=2**31 - 1,
    ),
    _number(
        "RunFrames_RBV", Group.RUN, "Declared frames per detector of the newest run, 0 where none are", attribute=""
    ),
    _input("RunTitle", Kind.STRING, "Title for the next StartRun", "lso", length=_STRING_BYTES),
    _string("RunTitle_RBV", Group.RUN, "Title of the newest run", attribute=""),
    _input(
        "RunDetectors",
        Kind.STRING,
        "Detectors for the next StartRun and CheckRun, separated by blanks or commas; empty: all",
        "lso",
        length=_STRING_BYTES,
    ),
    _string("RunDetectors_RBV", Group.RUN, "Detectors of the newest run", attribute=""),
)

_COMMANDS = (
    _command("Start", "session_start", "Start a session with SessionName, SessionTitle, Proposal and Metadata"),
    _command("Pause", "session_pause", "Pause the session, and the recording of an open run"),
    _command("Resume", "session_resume", "Resume the paused session, and the recording of its open run"),
    _command("Complete", "session_complete", "Complete the session; ends when the frames of an open run are on disk"),
    _command("Cancel", "session_cancel", "Cancel a session that has no run"),
    _command("StartRun", "run_start", "Start a run with RunFrames, RunTitle and RunDetectors; ends when it records"),
    _command("StopRun", "run_stop", "Stop the open run; ends with its verdict"),
    _command("AbortRun", "run_abort", "Abort the open run; ends with its verdict"),
    _command("AcknowledgeAlarm", "alarm_acknowledge", "Acknowledge the unhappy end of the last run and failed hooks"),
    _command(
        "CheckRun", "run_check", "Ask for every reason why StartRun would fail now; the answer is CheckRunMessage"
    ),
    _written("AddFile", "file_add", "Add the file or folder of this path to the open session"),
    _written("RegisterRun", "run_register", "Register the file of this path, written by another program, as a run"),
    _written("Comment", "comment_add", "Keep this comment with the open session"),
    _written("SetMetadata", "metadata_set", "Set these keys (a JSON object) in the metadata of the open session"),
    _written("Unlock", "unlock", "Give staff's rights to clients for a limited time, by the staff token; reads empty"),
)

_OUTCOME = (
    _enum(
        "CommandStatus",
        Group.OUTCOME,
        "How the last command stands",
        OUTCOMES,
        attribute="",
        severities=("NO_ALARM", "NO_ALARM", "NO_ALARM", "MAJOR"),
    ),
    _text(
        "CommandMessage", Group.OUTCOME, "What the last command did, or why it was refused and what to do", attribute=""
    ),
    _string(
        "CommandCode", Group.OUTCOME, "Stable code of the last command's failure, empty if it had none", attribute=""
    ),
    _string("CommandName", Group.OUTCOME, "The last command", attribute=""),
    _string("CommandClient", Group.OUTCOME, "Who gave the last command: user@host (address)", attribute=""),
    _number("CommandCount", Group.OUTCOME, "Commands that have ended since the bridge started", attribute="", low=0),
    _text(
        "CheckRunMessage",
        Group.OUTCOME,
        "Answer of CheckRun, one reason a line; empty if a run can start",
        attribute="",
    ),
    _number("CheckRunCount", Group.OUTCOME, "How many of these reasons would make StartRun fail", attribute="", low=0),
)

_RUNS = (
    _big("RunsSession", Group.RUNS, "Id of the session whose newest runs are listed", attribute="", low=0),
    Pv("RunsNumber", Kind.LONGS, "Their numbers, newest first", Group.RUNS, "waveform", count=NEWEST_RUNS),
    Pv("RunsState", Kind.STRINGS, "Their states, newest first", Group.RUNS, "waveform", count=NEWEST_RUNS),
    Pv("RunsTitle", Kind.STRINGS, "Their titles, newest first", Group.RUNS, "waveform", count=NEWEST_RUNS),
    _text("RunsText", Group.RUNS, "All three as lines of number, state and title, newest first", attribute=""),
)

_BRIDGE = (
    Pv(
        "Connected",
        Kind.ENUM,
        "Whether the bridge hears the manager; if not, all other values are INVALID",
        Group.BRIDGE,
        "bi",
        choices=("Disconnected", "Connected"),
        severities=("MAJOR", "NO_ALARM"),
        archived=True,
        alarmed=True,
    ),
    Pv("Heartbeat", Kind.LONG, "Counts seconds while the bridge lives", Group.BRIDGE, "longin"),
    Pv("ClientCount", Kind.LONG, "Connected Channel Access clients", Group.BRIDGE, "longin", low=0, archived=True),
    Pv("DetectorCount", Kind.LONG, "Configured detectors: Det1: to DetN:", Group.BRIDGE, "longin", low=0),
)


def detector_pvs(number: int) -> tuple[Pv, ...]:
    """The PVs of the detector that is configured as the `number`-th, counted from 1."""
    prefix = f"Det{number}:"

    def counted(name: str, doc: str, **facts: Any) -> Pv:
        return Pv(prefix + name, Kind.DOUBLE, doc, Group.DETECTOR, "int64in", low=0, **facts)

    return (
        Pv(f"{prefix}Name", Kind.STRING, "Name of the detector", Group.DETECTOR, "lsi", length=_STRING_BYTES),
        Pv(
            f"{prefix}State",
            Kind.ENUM,
            "Its part in the newest run",
            Group.DETECTOR,
            "mbbi",
            choices=DETECTOR_STATES,
            severities=("NO_ALARM", "NO_ALARM", "NO_ALARM", "NO_ALARM", "MAJOR"),
        ),
        counted("Expected", "Its declared frames, 0 where none are"),
        counted("Received", "Its frames received in the run"),
        counted("Written", "Its frames of the run that are on disk"),
        counted("Missing", "Its frames known to be lost; MAJOR if there are any", archived=True),
    )


def layout(detectors: int) -> tuple[Pv, ...]:
    """All PVs of a beamline with so many configured detectors, of which the first 64 have PVs."""
    tables = (pv for number in range(1, min(detectors, MAX_DETECTORS) + 1) for pv in detector_pvs(number))
    return (*_ATTRIBUTES, *_INPUTS, *_COMMANDS, *_OUTCOME, *tables, *_RUNS, *_BRIDGE)
