"""The SessionManager as an ophyd-async device with typed signals and commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ophyd_async.core import Array1D, Command, SignalR, SignalRW, TriggerableCommand
from ophyd_async.tango.core import TangoDevice

from beamsession.faces.bluesky.connecting import OneByOneConnector
from beamsession.faces.bluesky.labels import (
    AlarmSeverityLabel,
    CatalogueStateLabel,
    IngestStateLabel,
    RunStateLabel,
    SessionStateLabel,
)
from beamsession.faces.bluesky.manager_calls import ManagerCalls
from beamsession.faces.bluesky.session_run import SessionRun
from beamsession.faces.scripting.address import resolved


class SessionManagerDevice(TangoDevice):
    """Attributes are signals, commands are commands, by their Tango names; `run` is what a plan records.

    `trl` is the manager's address, `"tango://host:port/domain/family/member"` or `"domain/family/member"`; without one
    it is looked for as scripts do: BEAMSESSION_DEVICE, else the only manager that runs in the Tango database. What a
    newer server has more is there too, without a type. A command that is refused raises RuntimeError with the
    manager's sentence; `ask`, and all plan stubs, raise BeamsessionError, which has a code.
    """

    Metadata: SignalRW[str]
    """Metadata of the open session, a JSON object; writing replaces it."""
    SessionId: SignalR[int]
    """Id of the open session, 0 without one."""
    SessionName: SignalR[str]
    """Its immutable name; 'unknown' without one."""
    SessionTitle: SignalR[str]
    """Its title."""
    SessionState: SignalR[SessionStateLabel]
    """Life of the open session; NONE without one."""
    Proposal: SignalR[str]
    """Its proposal."""
    Root: SignalR[str]
    """Folder of the open session, else the data root."""
    StartTime: SignalR[str]
    """Start of the session, RFC 3339."""
    StopTime: SignalR[str]
    """End of the session, RFC 3339, empty while it is open."""
    RunNumber: SignalR[int]
    """Number of the newest run in its session, 0 before the first."""
    RunState: SignalR[RunStateLabel]
    """State of the newest run; a verdict stays until the next run."""
    RunFile: SignalR[str]
    """NeXus file of the newest run."""
    RunCount: SignalR[int]
    """Runs of the open session."""
    ExpectedFrames: SignalR[int]
    """Declared frames of the run over all detectors, 0 where none are declared."""
    ReceivedFrames: SignalR[int]
    """Frames received in the run."""
    WrittenFrames: SignalR[int]
    """Frames of the run that are on disk: a crash does not take them back."""
    DroppedFrames: SignalR[int]
    """Frames of the run known to be lost."""
    Completeness: SignalR[str]
    """Account of each detector in the newest run, a JSON list of {detector, expected, received, written, missing}."""
    DataRate: SignalR[float]
    """Data written over the last second (MB/s)."""
    Progress: SignalR[float]
    """Written of declared frames (%)."""
    DiskFree: SignalR[float]
    """Free space on the data disk (GiB)."""
    DiskMinutesLeft: SignalR[float]
    """Time until the data disk is full at the present rate; NaN while nothing is written (min)."""
    IngestPending: SignalR[int]
    """Completed sessions on their way to the catalogue."""
    IngestParked: SignalR[int]
    """Completed sessions that wait for a person before they can go to the catalogue."""
    IngestOldestAge: SignalR[float]
    """How long the oldest of those on their way is due, in steps of 10 s; 0 without any. The alarm limit is
    catalogue.alarm_age_h of the configuration (s)."""
    CatalogueState: SignalR[CatalogueStateLabel]
    """Whether the catalogue can be reached, as the worker found it last; NONE where none is configured."""
    LastCompletedId: SignalR[int]
    """Id of the session completed last, 0 before the first."""
    IngestState: SignalR[IngestStateLabel]
    """How far that one is on its way to the catalogue; NONE where it was never sent."""
    DatasetPid: SignalR[str]
    """Its dataset in the catalogue, empty until it is archived."""
    SessionIds: SignalR[Array1D[np.int64]]
    """The newest 1000 session ids, newest first."""
    Alarms: SignalR[Sequence[str]]
    """All problems in sentences, the worst first."""
    AlarmDetails: SignalR[str]
    """The same, exact, as a JSON list of {code, severity, sentence, blocks}."""
    AlarmSeverity: SignalR[AlarmSeverityLabel]
    """Severity of the worst problem."""
    LastEvent: SignalR[str]
    """The newest line of the event log, JSON."""
    EventCount: SignalR[int]
    """Sequence number of the newest event; only grows."""
    LastError: SignalR[str]
    """Why the last refused command was refused."""
    Version: SignalR[str]
    """Version of the server."""
    Call: Command[[str], str]
    """Have a verb done for the principal who asks; a request id makes a retry harmless. Takes JSON {verb, args,
    principal, face, request_id, token}."""
    AcknowledgeAlarm: Command[[], bool]
    """Acknowledge the unhappy end of the last run and failed hooks: their alarms go; False if there were none."""
    ListDetectors: Command[[], str]
    """List the configured detectors, which a run records where it names none: name, title and source of each."""
    ListEvents: Command[[str], str]
    """List events in order, from sequence number `after` on (not included), of one session or of all. Takes JSON
    {after, limit, session}."""
    ListRefusals: Command[[str], str]
    """List the newest refused commands with their reasons, newest first. Takes JSON {limit}."""
    VerifyEvents: Command[[], str]
    """Verify the hash chain over the whole log: how many events were checked, and the first bad one if any."""
    RemoveFile: Command[[str], bool]
    """Take an added file or folder off a session (0: the open one) again; the file itself stays. Takes the path of an
    added file or folder, or JSON {path, session}."""
    ListFiles: Command[[str], str]
    """List the files added to a session (0: the open one) in the order they were added. Takes a session's number, or
    JSON {session}."""
    ListIngests: Command[[str], str]
    """List ingests by states and reason code, the newest sessions first; `before` continues after that session. Takes
    JSON {states, limit, before, code}."""
    ShowIngest: Command[[str], str]
    """Show how far a session is on its way to the catalogue: the steps so far, and what is wrong and can be done.
    Takes a session's number, or JSON {session}."""
    IngestStatus: Command[[], str]
    """Show how the way to the catalogue stands: ingests by state, the oldest that is not done, who can be reached."""
    RetryIngest: Command[[str], str]
    """Try the ingest of a session again now, or of all that are parked (by reason `code`); return the sessions. Takes
    a session's number, or JSON {session, code}."""
    CancelIngest: Command[[str], str]
    """Give up the ingest of a session; return what stays in the catalogue, empty if nothing can be there. Takes a
    session's number, or JSON {session, force, reason}."""
    SettleIngest: Command[[str], str]
    """Say that the catalogue has a parked session under `pid`: somebody has looked, and it is ARCHIVED; return the pid.
    Takes JSON {session, pid}."""
    DryRunIngest: Command[[str], int]
    """Try out the ingest of a session (0: the open one), and send nothing; return the job that does it. Takes a
    session's number, or JSON {session, remote}."""
    IngestPayload: Command[[str], int]
    """Show the documents that are sent for a session (0: the open one), as JSON; return the job that collects them.
    Takes a session's number, or JSON {session, files}."""
    ListJobs: Command[[str], str]
    """List jobs, newest first: by states, and of one session; `before` continues after that job. Takes JSON {states,
    session, limit, before}."""
    ShowJob: Command[[str], str]
    """Show how far a job is, or how it ended. Takes a job's number, or JSON {job}."""
    CancelJob: Command[[str], bool]
    """Ask the worker to end a job, which leaves nothing half done; False if it has ended already. Takes a job's
    number, or JSON {job}."""
    SetMetadata: Command[[str], str]
    """Set keys of a session's metadata (0: the open one); null removes a key; `replace` drops all others. Takes JSON
    {values, session, replace}."""
    ShowMetadata: Command[[str], str]
    """Show the metadata of a session (0: the open one). Takes a session's number, or JSON {session}."""
    MetadataDefinition: Command[[], str]
    """List the keys that the beamline defines for metadata, in order."""
    Start: Command[[str], int]
    """Start a session and return its id. Takes a name, or JSON {name, title, metadata, proposal}."""
    RestartSession: Command[[str], int]
    """Open a completed session again and return its id: its runs go on with the next number. Takes a session's number,
    or JSON {session}."""
    Pause: TriggerableCommand
    """Pause the session: no run can start, and the frames of an open run are not recorded until Resume."""
    Resume: TriggerableCommand
    """Resume the paused session, and with it the recording of an open run."""
    Complete: TriggerableCommand
    """Complete the session; with a run open it is COMPLETING until that run's frames are on disk."""
    Cancel: TriggerableCommand
    """Cancel a session that has no run: its folder goes, its record and id stay as CANCELLED."""
    StartRun: Command[[str], int]
    """Start a run and return its number at once, in PREPARING. Takes empty, or JSON {frames, detectors, title,
    metadata}."""
    StopRun: TriggerableCommand
    """Stop the open run: what was received is written out, then the verdict is given."""
    AbortRun: TriggerableCommand
    """Abort the open run: frames not yet written are dropped, what is written stays."""
    RegisterRun: Command[[str], int]
    """Register a file that another program wrote as a run of the open session; return the run's number. Takes the path
    of a file another program wrote, or JSON {path, title, metadata}."""
    CheckRun: Command[[str], str]
    """List every reason why StartRun would fail now, each with its remedy; empty if it can be recorded. Takes JSON
    {frames, detectors}."""
    ListRuns: Command[[str], str]
    """List the runs of a session (0: the open one) in order, from number `after` on (not included). Takes a session's
    number, or JSON {session, after, limit}."""
    ShowRun: Command[[str], str]
    """Show one run of a session (0: the open one) with its recorder's report. Takes a run's number, or JSON {run,
    session}."""
    EnableRun: Command[[str], bool]
    """Take a run of a session (0: the open one) into file lists, ZIP and catalogue again; False if it was in. Takes a
    run's number, or JSON {run, session}."""
    DisableRun: Command[[str], bool]
    """Leave a run of a session (0: the open one) out of file lists, ZIP archives and catalogue; False if it was out.
    Takes a run's number, or JSON {run, session}."""
    MoveRun: Command[[str], str]
    """Move closed runs of a session (0: the open one) to another one; return their numbers there. Takes JSON {runs,
    to, session}."""
    DetachRun: Command[[str], int]
    """Make a completed session of closed runs of another one (0: the open one) and return its id. Takes JSON {runs,
    name, session}."""
    MakeQuickLook: Command[[str], int]
    """Make the quick look of a closed run of a session (0: the open one) again; return the job that does it. Takes a
    run's number, or JSON {run, session}."""
    ShowQuickLook: Command[[str], str]
    """Show the quick look of a run of a session (0: the open one): its numbers, and where its pictures are. Takes a
    run's number, or JSON {run, session}."""
    PackRun: Command[[str], int]
    """Copy a closed run of a session (0: the open one) into one file, its data packed as they are; return the job.
    Takes a run's number, or JSON {run, session, file_name}."""
    CreateSession: Command[[str], int]
    """Create a completed session of files that exist already and return its id; an open session is not touched. Takes
    JSON {name, files, title, metadata, proposal, root}."""
    ListSessions: Command[[str], str]
    """List sessions, newest first: by states, user, proposal, text in name or title, and start time. Takes JSON
    {states, user, proposal, text, since, until, limit, offset, before_id}."""
    ShowSession: Command[[str], str]
    """Show one session (0: the open one) with its folder, the state of its ingest, and its contents: runs and files.
    Takes a session's number, or JSON {session, contents}."""
    ListSessionFiles: Command[[str], str]
    """List the files of a session (0: the open one): its own record, those of its enabled runs, the added ones. Takes
    a session's number, or JSON {session, relative}."""
    ZipSession: Command[[str], int]
    """Write the files of a session (0: the open one) into a ZIP archive; return the job that does it. Takes the
    archive's path, or JSON {file_name, session, preserve_folder_structure, overwrite}."""
    ImportSession: Command[[str], int]
    """Import a session's folder that another program wrote, or a folder of many; return the job that does it. Takes
    the path of a folder."""

    if TYPE_CHECKING:  # filled at connection: ophyd-async refuses the annotation of a command that answers nothing
        Unlock: Command[[str], None]
        """Give staff's rights to Tango and Channel Access clients for a limited time. Takes the staff token; empty
        locks again."""
        Comment: Command[[str], None]
        """Keep a comment with the open session (and its open run). Takes the comment."""
        AddFile: Command[[str], None]
        """Add a file or folder to a session (0: the open one); False if it was added before. Takes the path of a file
        or folder, or JSON {path, session}."""
        Unlock: Command[[str], None]
        """Let this device's operator do what only staff may, for a time. Takes the token of the staff."""
        RequestIngest: Command[[str], None]
        """Send a completed session to the catalogue now, or try a parked one again. Takes a session's number, or JSON
        {session, overlay, parameters}."""
        RenameSession: Command[[str], None]
        """Give a session (0: the open one) another title; its name, which made the folder, stays. Takes the new title,
        or JSON {title, session}."""

    def __init__(self, trl: str = "", *, name: str = "", support_events: bool = True) -> None:
        trl = resolved(trl)
        self.calls = ManagerCalls(trl)
        self.run = SessionRun(self.calls)
        super().__init__(name=name, connector=OneByOneConnector(trl, support_events=support_events))
        self._trl = trl

    async def ask(self, verb: str, **arguments: Any) -> Any:
        """The manager's answer to any verb, for instance `ask("run_list", session=17)`.

        It is asked as the user who runs this, and again while it does not answer, for a minute.
        """
        return await self.calls.ask(verb, arguments)
