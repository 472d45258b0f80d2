"""File lists cut into blocks that the catalogue can swallow; the same files always give the same blocks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import BlockLimits, ChecksumAlgorithm

# What a block's request holds beside its files: pid, size, algorithm, brackets.
_ENVELOPE_BYTES = 500
_EXAMPLE = ListedFile(path="", size=0, mtime_ns=0)


class BlockCutter:
    """Numbers the blocks of one dataset, whose files must come sorted by path.

    A file larger than the data limit has its own block.
    """

    def __init__(self, limits: BlockLimits, algorithm: ChecksumAlgorithm) -> None:
        self._limits = limits
        example = _EXAMPLE if algorithm is ChecksumAlgorithm.NONE else _with_checksum(algorithm.hex_length)
        # All of an entry but its path and the digits of its size, and the comma behind it.
        self._fixed = len(json.dumps(_entry(example))) - len('""') - len("0") + len(",")
        self._number = -1
        self._files = 0
        self._data_bytes = 0
        self._json_bytes = 0

    @property
    def count(self) -> int:
        """Blocks so far."""
        return self._number + 1

    def block_of(self, path: str, size: int) -> int:
        """The number (from 0) of the block of the next file."""
        entry_bytes = self._fixed + len(encode_basestring_ascii(path)) + len(str(size))
        limits = self._limits
        if (
            self._number < 0
            or self._files >= limits.files
            or self._data_bytes + size > limits.data_bytes
            or self._json_bytes + entry_bytes > limits.json_bytes
        ):
            self._number += 1
            self._files, self._data_bytes, self._json_bytes = 0, 0, _ENVELOPE_BYTES
        self._files += 1
        self._data_bytes += size
        self._json_bytes += entry_bytes
        return self._number


def block_document(pid: str, files: Sequence[ListedFile], algorithm: ChecksumAlgorithm) -> dict[str, Any]:
    """The body of the request that stores one block."""
    document: dict[str, Any] = {
        "datasetId": pid,
        "size": sum(file.size for file in files),
        "dataFileList": [_entry(file) for file in files],
    }
    if algorithm is not ChecksumAlgorithm.NONE:
        document["chkAlg"] = algorithm.value
    return document


def paths_digest(paths: Iterable[str]) -> str:
    """The same for the same set of paths: SHA-256 (hex)."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


def _with_checksum(length: int) -> ListedFile:
    return ListedFile(path="", size=0, mtime_ns=0, checksum="0" * length)


def _entry(file: ListedFile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": file.path,
        "size": file.size,
        "time": file.modified.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
    }
    if file.checksum:
        entry["chk"] = file.checksum
    return entry
