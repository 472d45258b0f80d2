"""The pid a session or a run will have in the catalogue: known before anything is sent, always the same."""

from __future__ import annotations

import hashlib
from uuid import UUID

from beamsession.catalogue.target import DatasetRules


def session_pid(target: DatasetRules, *, instrument: str, session_id: int) -> str:
    """`<prefix>/<uuid>`: the first 128 bits of a SHA-256 with the bits of a version-4 UUID, which sites check for."""
    return _pid(target, f"{instrument}/{session_id}")


def run_pid(target: DatasetRules, *, instrument: str, session_id: int, number: int) -> str:
    """The same for a run by its number in the session, where each run is a dataset."""
    return _pid(target, f"{instrument}/{session_id}/{number}")


def _pid(target: DatasetRules, key: str) -> str:
    site = target.site or target.creation_location
    digest = hashlib.sha256(f"{site}/{key}".encode()).digest()
    uuid = str(UUID(bytes=digest[:16], version=4))
    if target.pid_uppercase:
        uuid = uuid.upper()
    prefix = target.pid_prefix.strip("/")
    return f"{prefix}/{uuid}" if prefix else uuid
