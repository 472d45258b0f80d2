"""Names that this project gives to files in a session's folder: its record, and what is no data wherever it lies."""

from __future__ import annotations

import re

SESSION_FILE = "session.json"
RUNS_FILE = "runs.jsonl"
FILES_FILE = "files.jsonl"
EVENTS_FILE = "events.jsonl"
RECORD = (SESSION_FILE, RUNS_FILE, FILES_FILE, EVENTS_FILE)
"""The record of a session, which is data like the others."""
LATER = "later_"
LATER_FILES = frozenset(LATER + name for name in RECORD)
"""Written into the session's folder itself after the list of its files is taken, so never a part of it."""
COLLECTED = ".collected.json"
"""Which files were brought into the folder from elsewhere."""

_NO_DATA = re.compile(
    r"\.run_\d+\w*\.h5\.lock"  # held by the writer of a data file
    r"|\.run_\d+\.nxs\.new"  # a master before it has its name
    r"|\..+\.tmp"  # a small file or a copy before it has its name
    r"|\..+\..+\.part"  # an archive that is being written
    r"|\.nfs[0-9a-f]{8,}"  # what NFS makes of a file of ours that was replaced while somebody read it
    rf"|{re.escape(COLLECTED)}",
    re.DOTALL,
)


def is_no_data(name: str) -> bool:
    """Whether a file found under this name is of our making and no data; other hidden files are somebody's."""
    return _NO_DATA.fullmatch(name) is not None
