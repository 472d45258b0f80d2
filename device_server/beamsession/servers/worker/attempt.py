"""What is being sent to the catalogue for one session, frozen on disk: later edits cannot change it half-way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from beamsession.catalogue.manifest import ListedFile, Manifest
from beamsession.model.errors import RefusedError
from beamsession.model.session import Session


class Frozen(BaseModel):
    """The dataset document and the files' place; `folder` is absolute.

    `completed` is when the session was: one that is opened again has another time. None: frozen by an older version,
    which knew no such sessions.
    """

    pid: str
    folder: Path
    document: dict[str, Any]
    manifest: Manifest
    completed: datetime | None = None

    def is_of(self, session: Session) -> bool:
        """Whether this is the session as it was completed last."""
        return self.completed in (None, session.stop)


class Attempt:
    """A folder of the worker's own with the frozen payload, the checksums taken so far, and marks of intent.

    A mark is set before a request that cannot be undone and taken away when it surely did nothing; a mark that is
    there says: look before you send.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def freeze(self, frozen: Frozen) -> None:
        """Keep the payload, and forget an earlier one's marks. Checksums stay: they know what they belong to."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for mark in self._folder.glob("*.mark"):
            mark.unlink()
        _write(self._folder / "payload.json", frozen.model_dump_json().encode())

    def frozen(self) -> Frozen:
        """The payload. Raises RefusedError (PAYLOAD_LOST)."""
        try:
            return Frozen.model_validate_json((self._folder / "payload.json").read_bytes())
        except (OSError, ValueError) as fault:
            raise RefusedError(
                f"What was to be sent to the catalogue is not in {self._folder} any more.",
                code="PAYLOAD_LOST",
                value=str(self._folder),
                remedy="Ask for the ingest again: it begins anew.",
            ) from fault

    @property
    def is_frozen(self) -> bool:
        """Whether there is a payload."""
        return (self._folder / "payload.json").exists()

    def mark(self, name: str) -> None:
        """Set a mark; it survives a power cut."""
        _write(self._folder / f"{name}.mark", b"")

    def unmark(self, name: str) -> None:
        """Take a mark away."""
        (self._folder / f"{name}.mark").unlink(missing_ok=True)

    def is_marked(self, name: str) -> bool:
        """Whether the mark is set."""
        return (self._folder / f"{name}.mark").exists()

    def add_checksum(self, file: ListedFile, algorithm: str, checksum: str) -> None:
        """Keep a checksum, so that an interruption does not cost it."""
        entry = {"algorithm": algorithm, **file.model_dump(), "checksum": checksum}
        with (self._folder / "checksums.jsonl").open("a", encoding="ascii") as stream:
            stream.write(json.dumps(entry) + "\n")

    def checksums(self, algorithm: str) -> dict[ListedFile, str]:
        """The checksums taken, by the file as it was listed (without checksum)."""
        return dict(self._read_checksums(algorithm))

    def _read_checksums(self, algorithm: str) -> Iterator[tuple[ListedFile, str]]:
        path = self._folder / "checksums.jsonl"
        if not path.exists():
            return
        for line in path.read_text(encoding="ascii").splitlines():
            try:
                entry: dict[str, Any] = json.loads(line)
                if entry.pop("algorithm") != algorithm:
                    continue
                checksum = str(entry.pop("checksum"))
                yield ListedFile.model_validate(entry), checksum
            except (ValueError, KeyError):
                continue  # A line that a crash tore: that file is read again.


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
