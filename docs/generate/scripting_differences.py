"""What the scripting API does on purpose in another way than PShell, where its functions come from."""

from __future__ import annotations

DIFFERENCES = [
    [
        "`session_complete`, `session_pause`, `session_resume`, `session_cancel`, `session_add_file`",
        "return None, whatever happened",
        "return whether there was anything to do",
    ],
    [
        "`session_add_file` without a session, or of a missing file",
        "an error; not looked at",
        "False; the error `FILE_NOT_FOUND`",
    ],
    [
        "`session_start` while an untouched session is open",
        "deletes it, also with files and metadata in it",
        "cancels it only without runs, files, comments and changed metadata; else completes it",
    ],
    ["ids of cancelled sessions", "are given again", "never come again; their state is `cancelled`"],
    [
        "`session_complete` with a run open",
        "closes the output first",
        "waits until its last frames are written; the state is `started` until then, and no session is open any more",
    ],
    [
        "`session_ids()`",
        "all sessions, also the open one",
        "completed and archived ones, as it was documented; `session_ids('all')` for every one",
    ],
    ["`session_get_stop` of an open session", "fails", "None"],
    [
        "state of a run",
        "`completed`, however it ended",
        "the verdict: `completed`, `incomplete` (data are missing), `aborted`, `failed`",
    ],
    ["a run", "is a data output that was opened", "is recorded by StartRun, or registered with RegisterRun"],
    [
        "a run that is open when the session is paused",
        "is recorded to its end",
        "records nothing until the session is resumed",
    ],
    ["`session_set_run_enabled` without runs", "index error", "the error `NO_RUNS`, or False for `index=0`"],
    [
        "the root: `session_get_root`, where relative paths begin (`data` of runs, `files`, `session_add_file`)",
        "the data root, the same for all sessions",
        "the folder of the session; what lies beside it is absolute",
    ],
    [
        "`session_get_additional_files(relative=False)`",
        "leaves relative names as they are",
        "returns absolute paths",
    ],
    [
        "`session_get_file_list()`",
        "begins with two files that are always absolute",
        "begins with the session's own record, relative like all others",
    ],
    [
        "metadata value that does not fit its key",
        "is kept as text, silently",
        "is refused; `metadata.strict = false` in the configuration keeps it",
    ],
    [
        "None in the dict given to `session_start`, `session_create`",
        "becomes an empty text",
        "leaves a defined key out; under an undefined key it stays None",
    ],
    ["blanks at the ends of a text", "are taken off", "are kept; a number, list or map may have them around it"],
    ["undefined metadata key", "every value becomes text", "keeps the type of its value"],
    ["a changed definition", "deletes keys of the open session", "leaves sessions as they are"],
    ["the dict that is given as metadata", "is altered in place", "is left as it is"],
    [
        "archived sessions",
        "metadata, runs and detaching can still be changed",
        "are final; only the title may change",
    ],
    [
        "sessions of other users",
        "anybody may change metadata; nobody may reopen",
        "closed ones are changed by their owner, a member of their proposal, or staff",
    ],
    [
        "`session_restart` of the open session",
        "deletes it if it is empty",
        "resumes it if it is paused, else does nothing",
    ],
    ["`session_move` onto the same session", "loses the runs", "is refused"],
    [
        "`session_move`, `session_detach`",
        "only runs in the state `completed`, by the name of their data",
        "runs of every verdict, by name or number; all of them or none",
    ],
    ["`session_detach` of an ingested session", "copies its ingest too", "is refused"],
    [
        "`session_create`",
        "files below the default root, also missing ones",
        "files below `root` or the data root, 1 to 500 files or folders that exist",
    ],
    [
        "`session_create_zip`",
        "any path; a relative one counts from the program's working folder; two files of one name break it",
        "a `.zip` below a root of the server's host; a relative one counts from the data root; equal names are renamed",
    ],
    [
        "`session_ingest_scicat`",
        "starts a program; also for an open session; twice is an error",
        "asks the catalogue or starts that program; completed sessions only; of an archived one name and pid are told",
    ],
    ["`session_name`, `session_paused`", "never fail", "fail where the manager does not answer"],
    ["functions that wait", "wait without a limit", "give up waiting after `timeout`; what they wait for goes on"],
    [
        "`parameters` of `ingest_scicat`",
        "options of that program, kept for later",
        "its options for this one call, harmless ones only; refused where the catalogue is asked directly",
    ],
    ["`matadata`", "the only spelling", "`metadata` is understood as well, and wins where both have a key"],
    [
        "functions of the start-up script that are called",
        "when a session starts, before it finishes, when the data path changes",
        "[hooks](../how-to/run-hooks.md) are: `session_started`; `session_finished`, after completion; `run_finished`",
    ],
    [
        "a function that is called when a run begins",
        "when the data path changes",
        "no hook; a program can subscribe to `RunFile` of the device",
    ],
    [
        "the mode `Files`",
        "files that are written are added by themselves, runs are in no list of files",
        "not there; the runs of such a session are disabled when it is imported",
    ],
    ["`mode`, `format`, `layout` in `session_get_info`", "as configured", "always `On`, `h5`, `nx`"],
    ["language", "Jython 2.7", "Python 3.11 or later"],
]
