"""One line of the append-only log, and the hash that chains it to the line before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from beamsession.model.clock import to_text

GENESIS = "0" * 64


@dataclass(frozen=True)
class Event:
    """What happened, when, and who asked for it through which face.

    `seq` counts from 1 without gaps over the whole store. `hash` is the SHA-256 (hex) over everything else
    including `previous`, the hash of the event before.
    """

    seq: int
    time: datetime
    instrument: str
    kind: str
    principal: str
    role: str
    face: str
    session_id: int | None = None
    run_number: int | None = None
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    previous: str = GENESIS
    hash: str = ""

    def as_json(self) -> dict[str, Any]:
        """The event as it stands in `events.jsonl` and on every face."""
        return {
            "seq": self.seq,
            "time": to_text(self.time),
            "instrument": self.instrument,
            "kind": self.kind,
            "principal": self.principal,
            "role": self.role,
            "face": self.face,
            "session": self.session_id,
            "run": self.run_number,
            "payload": self.payload,
            "previous": self.previous,
            "hash": self.hash,
        }


def chain_hash(event: Event) -> str:
    """SHA-256 (hex) of the event's canonical JSON without its own hash; verifiable from `events.jsonl` alone."""
    data = event.as_json()
    del data["hash"]
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Refusal:
    """A command that was refused: logged beside the chain, capped in number and size."""

    time: datetime
    instrument: str
    verb: str
    principal: str
    face: str
    code: str
    sentence: str
    arguments: str
