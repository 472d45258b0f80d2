"""Sessions of other programs and other beamlines, found and read into one kind of value; nothing is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from beamsession.archive import own_folder, pshell
from beamsession.archive.foreign_session import ForeignSession, unreadable
from beamsession.model.errors import NotFoundError
from beamsession.model.own_names import SESSION_FILE

_DEPTH = 6  # year, proposal and the like may lie between a data root and its sessions
_NUMBER = re.compile(r"[0-9]{1,18}")


def read_session(folder: Path, data_root: Path | None = None) -> ForeignSession:
    """The session that `folder` holds, ours or PShell's; `data_root`: see `pshell.read_session`.

    Raises NotFoundError NO_SESSION_FOLDER, InvalidInputError (BAD_SESSION_FILE, BAD_SESSION_FOLDER) and RefusedError
    FOLDER_UNREADABLE.
    """
    try:
        if _is_ours(folder):
            return own_folder.read_session(folder)
        if pshell.is_session_folder(folder):
            return pshell.read_session(folder, data_root)
    except OSError as fault:
        raise unreadable(folder, fault) from fault
    raise _no_session(folder)


def find_sessions(path: Path) -> list[Path]:
    """The session folders at `path`: itself, or those below it, in the order of their ids.

    What is found may be damaged or unreadable: `read_session` will tell. Raises NotFoundError NO_SESSION_FOLDER, and
    RefusedError FOLDER_UNREADABLE for `path` itself.
    """
    try:
        found = [path] if _is_session(path) else list(_below(path, _DEPTH))
    except OSError as fault:
        raise unreadable(Path(str(fault.filename or path)), fault) from fault
    if not found:
        raise _no_session(path)
    return sorted(found, key=lambda folder: (_number(folder), folder))


def _below(folder: Path, depth: int) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        folders = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    for child in folders:
        try:
            if _is_session(child):
                yield child
            elif depth > 1 and not child.is_symlink():
                yield from _below(child, depth - 1)
        except OSError:
            yield child  # What cannot be looked into is not passed over in silence.


def _is_session(folder: Path) -> bool:
    return _is_ours(folder) or pshell.is_session_folder(folder)


def _is_ours(folder: Path) -> bool:
    return (folder / SESSION_FILE).is_file()


def _number(folder: Path) -> int:
    """The first number in the folder's name, which is the id in PShell's folders and in most templates of ours."""
    match = _NUMBER.search(folder.name)
    return int(match[0]) if match else 0


def _no_session(path: Path) -> NotFoundError:
    return NotFoundError(
        f"{path} holds no session.",
        code="NO_SESSION_FOLDER",
        value=str(path),
        remedy="Name a session's folder, or the folder that holds such folders (PShell calls it sessions).",
    )
