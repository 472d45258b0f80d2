"""Whose a path is: no program may write where a session has its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from beamsession.store.columns import digest
from beamsession.store.tables import files, runs, sessions


def select_owners(path: Path, data_root: Path) -> tuple[Select[Any], ...]:
    """Asks for sessions that have `path`, or a folder that it lies in, as their folder, added file, or file of a run.

    Both are absolute. The folders are those below `data_root`; files and runs are those of all instruments.
    """
    ways = (path, *path.parents)
    hashes = [digest(str(way)) for way in ways]
    folders = [way.relative_to(data_root).as_posix() for way in ways if way.is_relative_to(data_root)]
    return (
        _first(sessions.c.id, sessions.c.folder.in_(folders)),
        _first(files.c.session_id, files.c.path_hash.in_(hashes)),
        _first(runs.c.session_id, runs.c.file_hash.in_(hashes)),
    )


def _first(owner: ColumnElement[int], condition: ColumnElement[bool]) -> Select[Any]:
    return select(owner).where(condition).limit(1)
