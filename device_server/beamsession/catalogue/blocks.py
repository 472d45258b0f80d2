"""File lists cut into blocks that the catalogue can swallow; the same files always give the same blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import BlockLimits, ChecksumAlgorithm

# What a block's request holds beside its files: pid, size, algorithm, brackets.
_ENVELOPE_BYTES = 500


def cut(files: Sequence[ListedFile], limits: BlockLimits) -> list[tuple[ListedFile, ...]]:
    """`files` sorted by path, in groups within the limits; a file larger than the data limit has its own block."""
    return list(_groups(sorted(files, key=lambda file: file.path), limits))


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


def _groups(files: Sequence[ListedFile], limits: BlockLimits) -> Iterator[tuple[ListedFile, ...]]:
    group: list[ListedFile] = []
    data_bytes = 0
    json_bytes = _ENVELOPE_BYTES
    for file in files:
        entry_bytes = len(json.dumps(_entry(file))) + 1
        full = (
            len(group) >= limits.files
            or data_bytes + file.size > limits.data_bytes
            or json_bytes + entry_bytes > limits.json_bytes
        )
        if group and full:
            yield tuple(group)
            group, data_bytes, json_bytes = [], 0, _ENVELOPE_BYTES
        group.append(file)
        data_bytes += file.size
        json_bytes += entry_bytes
    if group:
        yield tuple(group)


def _entry(file: ListedFile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": file.path,
        "size": file.size,
        "time": file.modified.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    }
    if file.checksum:
        entry["chk"] = file.checksum
    return entry
