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
SMALL = 256 * 1024
"""Files up to this size, in bytes, are read at once."""
_DIGESTS = {
    ChecksumAlgorithm.SHA256: hashlib.sha256,
    ChecksumAlgorithm.BLAKE2B: hashlib.blake2b,
    ChecksumAlgorithm.MD5: hashlib.md5,
}


def checksum(
    folder: Path,
    file: ListedFile,
    algorithm: ChecksumAlgorithm,
    between_chunks: Callable[[int], None] = lambda count: None,
) -> str:
    """The hex digest of a listed file, empty for NONE.

    Streams what is not SMALL 4 MiB at a time and calls `between_chunks` with the number of bytes after each. Raises
    RefusedError (FILE_CHANGED, FILE_MISSING) if the file is not, before and after, what was listed, and OSError.
    """
    if algorithm is ChecksumAlgorithm.NONE:
        require_unchanged(folder, file)
        return ""
    # As text, and with the one constructor that costs nothing: there may be a million small files.
    path = f"{folder}/{file.path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as fault:
        raise _missing(folder, file) from fault
    try:
        _compare(os.fstat(descriptor), folder, file)
        # All of a small one comes at once, unless it changed, or its disk is far away.
        content = os.read(descriptor, file.size + 1) if file.size <= SMALL else b""
        digest = _DIGESTS[algorithm](content, usedforsecurity=False)
        if len(content) != file.size:
            _stream(descriptor, file.size - len(content), digest.update, between_chunks)
        _compare(os.fstat(descriptor), folder, file)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _stream(
    descriptor: int, size: int, update: Callable[[memoryview], None], between_chunks: Callable[[int], None]
) -> None:
    """Read on from where it is, `size` bytes and what more there may be."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    buffer = memoryview(bytearray(min(_CHUNK, max(size, 0) + 1)))
    read = 0
    # A file that grows as fast as it is read would never end.
    while read <= size and (count := os.readv(descriptor, [buffer])):
        update(buffer[:count])
        read += count
        between_chunks(count)


def require_unchanged(folder: Path, file: ListedFile) -> None:
    """Raise RefusedError unless the file still has the size and time it was listed with."""
    try:
        facts = os.stat(f"{folder}/{file.path}")  # noqa: PTH116 (a hundred thousand times, where a Path costs as much)
    except FileNotFoundError as fault:
        raise _missing(folder, file) from fault
    _compare(facts, folder, file)


def _missing(folder: Path, file: ListedFile) -> RefusedError:
    return RefusedError(
        f"{folder / file.path} was listed and is gone.",
        code="FILE_MISSING",
        value=file.path,
        remedy="Put it back, then ask for the ingest again.",
    )


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
