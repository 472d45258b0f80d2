"""A file's second place on the data disk: another name for it, or a copy that was read again and compared."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from beamsession.archive.placing import dress
from beamsession.archive.sync import sync_folder
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules

_CHUNK = 4 * 1024 * 1024


def is_same(source: Path, target: Path) -> bool:
    """Whether `target` is `source`, or a copy as we make it: with its size and time."""
    if not target.is_file() or not source.is_file():
        return False
    one, other = source.stat(), target.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def link(source: Path, target: Path) -> bool:
    """Make `target` another name of `source`; False where the disk or its rules do not allow that. Raises OSError."""
    if is_same(source, target):
        return True
    temporary = _temporary(target)
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(source.resolve())
    except OSError:
        return False  # Another disk, a disk without links, somebody else's file: it is copied instead.
    temporary.replace(target)
    sync_folder(target.parent)
    return True


def copy(source: Path, target: Path, rules: FileRules, between_chunks: Callable[[], None]) -> None:
    """Make `target` a copy of `source` with its time, unless it is one. Raises RefusedError COPY_DIFFERS, OSError."""
    if is_same(source, target):
        return
    temporary = _temporary(target)
    read = hashlib.sha256()
    with source.open("rb") as origin, temporary.open("wb") as written:
        while chunk := origin.read(_CHUNK):
            read.update(chunk)
            written.write(chunk)
            between_chunks()
        written.flush()
        os.fsync(written.fileno())
    if _digest(temporary, between_chunks) != read.hexdigest():
        temporary.unlink()
        raise RefusedError(
            f"The copy of {source} in {target.parent} differs from it.",
            code="COPY_DIFFERS",
            value=str(source),
            remedy="Look at the data disk, then ask for the ingest again.",
        )
    shutil.copystat(source, temporary)
    dress(temporary, rules.file_mode, rules)
    temporary.replace(target)
    sync_folder(target.parent)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.tmp")


def _digest(path: Path, between_chunks: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            between_chunks()
    return digest.hexdigest()
