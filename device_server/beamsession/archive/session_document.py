"""`session.json`: a session with its runs and files, for people and programs that have only the folder."""

from __future__ import annotations

import json
from collections.abc import Sequence

from beamsession.model.plain import plain
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Session

FORMAT = 1


def session_document(session: Session, runs: Sequence[Run], files: Sequence[AddedFile]) -> bytes:
    """The content of `session.json`: the same for the same state, so that it is written only when it changes."""
    document = {
        "format": FORMAT,
        "session": plain(session),
        "runs": [plain(run) for run in sorted(runs, key=lambda run: run.number)],
        "files": [plain(file) for file in sorted(files, key=lambda file: (file.added, file.path))],
    }
    # Half a surrogate pair is no UTF-8; written with a backslash it is the JSON escape of itself.
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
