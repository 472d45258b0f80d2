"""The documents the catalogue holds, in memory and, if asked, in a file."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

Document = dict[str, Any]
Collection = dict[str, Document]

_COLLECTIONS = ("datasets", "blocks", "attachments", "proposals", "instruments", "samples", "policies", "jobs")


@dataclass
class State:
    """All collections, each a mapping from `_id` to a document in the order of creation.

    `token_key` signs the tokens, so that tokens stay good over a restart with the same file; those with a serial
    number up to `expired_serial` have been declared expired.
    """

    datasets: Collection = field(default_factory=dict)
    blocks: Collection = field(default_factory=dict)
    attachments: Collection = field(default_factory=dict)
    proposals: Collection = field(default_factory=dict)
    instruments: Collection = field(default_factory=dict)
    samples: Collection = field(default_factory=dict)
    policies: Collection = field(default_factory=dict)
    jobs: Collection = field(default_factory=dict)
    token_key: str = field(default_factory=lambda: secrets.token_hex(32))
    token_serial: int = 0
    expired_serial: int = 0
    path: Path | None = None

    @classmethod
    def load(cls, path: Path | None) -> State:
        """The state kept in `path`, or an empty one that will be kept there; None keeps nothing."""
        if path is None or not path.exists():
            return cls(path=path)
        return cls(**json.loads(path.read_text(encoding="utf-8")), path=path)

    def save(self) -> None:
        """Write everything to the file in one step, so that a crash leaves the old or the new state."""
        if self.path is None:
            return
        kept = (*_COLLECTIONS, "token_key", "token_serial", "expired_serial")
        temporary = self.path.with_suffix(self.path.suffix + ".new")
        temporary.write_text(json.dumps({name: getattr(self, name) for name in kept}), encoding="utf-8")
        temporary.replace(self.path)

    def blocks_of(self, pid: str) -> list[Document]:
        return [block for block in self.blocks.values() if block["datasetId"] == pid]


def new_uuid() -> str:
    return str(uuid4())


def new_object_id() -> str:
    """An identifier of the form MongoDB gives to parts of documents: 24 hexadecimal digits."""
    return secrets.token_hex(12)
