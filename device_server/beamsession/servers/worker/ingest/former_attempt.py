"""What an older version has frozen: one list of files in `payload.json`, marks and checksums in files beside it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen
from beamsession.servers.worker.ingest.attempt_writing import new_attempt
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore

log = logging.getLogger(__name__)
_PAYLOAD = "payload.json"
_CHECKSUMS = "checksums.jsonl"
_PAGE = 1000


def take_over(attempt: Attempt, target: CatalogueTarget) -> None:
    """Make of it an attempt of today where something was sent, keep its checksums, and remove it. Raises OSError."""
    folder = attempt.folder
    if not (folder / _PAYLOAD).exists():
        return
    _keep_checksums(folder, ChecksumStore(folder))
    marks = [path.stem for path in folder.glob("*.mark")]
    if "create" in marks and not attempt.is_frozen:
        try:
            _convert(attempt, target, marks)
        except (ValueError, KeyError, TypeError) as fault:
            log.warning("%s cannot be read, the ingest begins anew: %s", folder / _PAYLOAD, fault)
    # The payload is the last to go: as long as it is there, all this is done again.
    for path in (*folder.glob("*.mark"), folder / _CHECKSUMS, folder / _PAYLOAD):
        path.unlink(missing_ok=True)


def _convert(attempt: Attempt, target: CatalogueTarget, marks: list[str]) -> None:
    payload: dict[str, Any] = json.loads((attempt.folder / _PAYLOAD).read_bytes())
    manifest: dict[str, Any] = payload["manifest"]
    files = [ListedFile(file["path"], file["size"], file["mtime_ns"]) for file in manifest["files"]]
    completed = payload.get("completed")
    frozen = Frozen(
        folder=Path(payload["folder"]),
        algorithm=target.checksum,
        completed=datetime.fromisoformat(completed) if completed else None,
        skipped=len(manifest.get("skipped", ())),
    )
    with new_attempt(attempt) as writer:
        writer.add_files(((file, SESSION_S_OWN) for file in files), lambda count: None)
        blocks = writer.cut(target.blocks, frozen)[SESSION_S_OWN]
        document: dict[str, Any] = payload["document"]
        number = writer.add_parcel(pid=payload["pid"], run=SESSION_S_OWN, document=document, blocks=blocks)
        writer.add_marks(number, marks)
        writer.add_header(frozen)


def _keep_checksums(folder: Path, store: ChecksumStore) -> None:
    page: dict[ChecksumAlgorithm, list[ListedFile]] = {}
    for algorithm, file in _checksums(folder / _CHECKSUMS):
        page.setdefault(algorithm, []).append(file)
        if len(page[algorithm]) >= _PAGE:
            store.add(page.pop(algorithm), algorithm)
    for algorithm, files in page.items():
        store.add(files, algorithm)


def _checksums(path: Path) -> Iterator[tuple[ChecksumAlgorithm, ListedFile]]:
    if not path.exists():
        return
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            try:
                entry: dict[str, Any] = json.loads(line)
                file = ListedFile(entry["path"], entry["size"], entry["mtime_ns"], entry["checksum"])
                yield ChecksumAlgorithm(entry["algorithm"]), file
            except (ValueError, KeyError, TypeError):
                continue  # A line that a crash tore: that file is read again.
