"""What each argument of a verb means, in a line of `--help`."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from beamsession.faces.cli.spelling import is_object
from beamsession.model.verb import Verb

_SESSION = "the session's id; 0 or left out: the open one"
_BY_NAME = {
    "after": "continue after this number",
    "detectors": "a configured detector; again for more; left out: all",
    "files": "a file on the server's host",
    "frames": "frames per detector after which the run ends by itself; left out: until it is stopped",
    "job": "the job's number",
    "limit": "how many at most",
    "metadata": "metadata: KEY=VALUE or a JSON object; again for more",
    "name": "the name, which makes the folder and stays",
    "proposal": "the proposal's number",
    "replace": "drop all other keys",
    "run": "the run's number",
    "runs": "a run's number; again for more",
    "session": _SESSION,
    "states": "only in this state; again for more",
    "text": "the text",
    "title": "what people read; can be changed later",
}
_BY_VERB = {
    ("event_list", "session"): "only of this session",
    ("file_add", "path"): "a file or folder on the server's host; a relative path counts from the session's folder",
    ("file_remove", "path"): "the path as `file list` shows it, or relative to the session's folder",
    ("ingest_cancel", "force"): "even if its dataset may be in the catalogue, where it stays; for staff",
    ("ingest_cancel", "reason"): "why, for the log",
    ("ingest_dry_run", "remote"): "ask the catalogue as well; nothing is stored there",
    ("ingest_list", "before"): "continue after this session",
    ("ingest_list", "code"): "only those that wait for this reason",
    ("ingest_payload", "files"): "with the lists of files",
    ("ingest_retry", "code"): "only what is parked for this reason",
    ("ingest_retry", "session"): "the session's id; left out: all that are parked",
    ("ingest_request", "overlay"): "laid over the metadata in the one document sent: KEY=VALUE or a JSON object",
    ("ingest_request", "parameters"): "options of an external ingestor for this one call",
    ("ingest_settle", "pid"): "under which the catalogue has it",
    ("job_list", "before"): "continue after this job",
    ("job_list", "session"): "only of this session",
    ("metadata_set", "values"): "KEY=VALUE or a JSON object; KEY=null removes a key",
    ("run_detach", "name"): "the name of the new session",
    ("run_detach", "session"): "the session that the runs are taken from; left out: the open one",
    ("run_move", "session"): "the session that the runs are taken from; left out: the open one",
    ("run_move", "to"): "the id of the session that the runs go to",
    ("run_pack", "file_name"): "the file to make on the server's host; left out: run_0001_single.nxs beside the run",
    ("run_register", "path"): "the file on the server's host; a relative path counts from the session's folder",
    ("run_start", "metadata"): "metadata of this run: KEY=VALUE or a JSON object; again for more",
    ("session_create", "root"): "a folder that relative files count from; left out: the data root",
    ("session_files", "relative"): "paths relative to the session's folder where they lie in it, or absolute ones",
    ("session_import", "path"): "a session's folder, or a folder of many, on the server's host",
    ("session_list", "before_id"): "continue after this session",
    ("session_list", "offset"): "leave out so many at the beginning",
    ("session_list", "proposal"): "only of this proposal",
    ("session_list", "since"): "started at this time or later: ISO, today, yesterday, 12h, 7d",
    ("session_list", "text"): "with this text in name or title",
    ("session_list", "until"): "started before this time",
    ("session_list", "user"): "only of this user",
    ("session_rename", "title"): "the new title",
    ("session_show", "contents"): "with its runs and files, or without",
    ("session_zip", "file_name"): "the ZIP file to make on the server's host",
    ("session_zip", "overwrite"): "replace a file of that name",
    ("session_zip", "preserve_folder_structure"): "keep folders, or put all files at the top",
}


def argument_help(verb: Verb, name: str, field: FieldInfo) -> str:
    """One line about an argument; what its declaration says of it comes first."""
    if field.description:
        return field.description
    if found := _BY_VERB.get((verb.name, name)) or _BY_NAME.get(name):
        return found
    return "KEY=VALUE or a JSON object; again for more" if is_object(field) else ""


def known_arguments() -> set[tuple[str, str]]:
    """What is explained for one verb alone, as (verb, argument)."""
    return set(_BY_VERB)
