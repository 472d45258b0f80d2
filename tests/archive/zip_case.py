"""Files to put into an archive, and what is found in it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from beamsession.archive.zip_file import ZipReport, write_zip
from beamsession.model.plan import FileRules

MIB = 1024 * 1024
OLD = b"the archive of yesterday"
RULES = FileRules()


def put(path: Path, content: bytes | str = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(target: Path, root: Path, *paths: Path, keep_folders: bool = True, **more: Any) -> ZipReport:
    given: dict[str, Any] = {"overwrite": True, **more}
    return write_zip(target, root, paths, keep_folders=keep_folders, rules=RULES, mark="job-1", **given)


def entries(target: Path) -> dict[str, bytes]:
    """Name and content of every entry, each compared with its checksum."""
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name) for name in archive.namelist()}


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
