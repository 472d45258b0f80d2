"""Checksums of files that must hold still while they are read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.model.errors import RefusedError

_CHUNK = 4 * 1024 * 1024


def checksum(
    folder: Path, file: ListedFile, algorithm: ChecksumAlgorithm, between_chunks: Callable[[], None] = lambda: None
) -> str:
    """The hex digest of a listed file, empty for NONE.

    Streams 4 MiB at a time and calls `between_chunks` after each. Raises RefusedError (FILE_CHANGED, FILE_MISSING)
    if the file is not, before and after, what was listed.
    """
    require_unchanged(folder, file)
    if algorithm is ChecksumAlgorithm.NONE:
        return ""
    digest = hashlib.new(algorithm.value)
    buffer = memoryview(bytearray(_CHUNK))
    with (folder / file.path).open("rb", buffering=0) as stream:
        # A file that grows as fast as it is read would never end.
        while stream.tell() <= file.size and (count := stream.readinto(buffer)):
            digest.update(buffer[:count])
            between_chunks()
        _compare(os.fstat(stream.fileno()), folder, file)
    return digest.hexdigest()


def require_unchanged(folder: Path, file: ListedFile) -> None:
    """Raise RefusedError unless the file still has the size and time it was listed with."""
    try:
        facts = (folder / file.path).stat()
    except FileNotFoundError as fault:
        raise RefusedError(
            f"{folder / file.path} was listed and is gone.",
            code="FILE_MISSING",
            value=file.path,
            remedy="Put it back, then ask for the ingest again.",
        ) from fault
    _compare(facts, folder, file)


def _compare(facts: os.stat_result, folder: Path, file: ListedFile) -> None:
    if (facts.st_size, facts.st_mtime_ns) == (file.size, file.mtime_ns):
        return
    raise RefusedError(
        f"{folder / file.path} was changed while the session was being catalogued: "
        f"{file.size} bytes were listed, {facts.st_size} are there now.",
        code="FILE_CHANGED",
        value=file.path,
        remedy="Let whatever writes it finish, then ask for the ingest again.",
    )
