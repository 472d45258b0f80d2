# ruff: noqa: A002 - `id` is what published scripts call it
"""The files of sessions: add one, list them, pack them."""

from __future__ import annotations

import logging
import os

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import session_number, session_record, shown_path
from beamsession.faces.scripting.waiting import wait_for_job
from beamsession.model.errors import WrongStateError

_log = logging.getLogger("beamsession.sessions")


def session_add_file(path: str | os.PathLike[str]) -> bool:
    """Add a file or folder to the open session; False, and nothing done, if none is open or it was added before.

    The path is one of the server's host, absolute or relative to the session's root, and must exist there.
    """
    try:
        return call("file_add", path=os.fspath(path))
    except WrongStateError:
        return False


def session_get_additional_files(id: int | None = None, relative: bool = True) -> list[str]:
    """The files added to a session (None: the open one), in the order they were added.

    With `relative`, those below the session's root are shortened; all others are absolute.
    """
    record = session_record(id)
    return [shown_path(file["path"], record["root"], relative=relative) for file in record["files"]]


def session_get_file_list(id: int | None = None, relative: bool = True) -> list[str]:
    """All files of a session (None: the open one), each once: its own record, those of enabled runs, added ones.

    With `relative`, those below the session's root are shortened; all others are absolute.
    """
    return call("session_files", session=session_number(id), relative=relative)


def session_create_zip(
    file_name: str | os.PathLike[str],
    id: int | None = None,
    preserve_folder_structure: bool = True,
    *,
    timeout: float | None = 3600,
) -> None:
    """Pack the files of a session (None: the open one) into a ZIP archive and wait for its end.

    `file_name` ends in `.zip` and is a path of the server's host, in a folder that exists below the data root or an
    allowed root; a relative one counts from the data root. An archive of that name is replaced once the new one is
    whole. Without `preserve_folder_structure`, files lie side by side. Files that are missing are left out, each with a
    warning in the log. Raises the reason if it fails, and the error NOT_IN_TIME after `timeout` seconds (None: no
    limit); then it goes on by itself.
    """
    job = call(
        "session_zip",
        file_name=os.fspath(file_name),
        session=session_number(id),
        preserve_folder_structure=preserve_folder_structure,
        overwrite=True,
    )
    for path in wait_for_job(job, timeout).get("missing", []):
        _log.warning("%s is missing and was left out of %s", path, file_name)
