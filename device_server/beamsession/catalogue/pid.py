"""The pid a session will have in the catalogue: known before anything is sent, the same however often it is tried."""

from __future__ import annotations

import hashlib
from uuid import UUID

from beamsession.catalogue.target import CatalogueTarget


def session_pid(target: CatalogueTarget, *, instrument: str, session_id: int) -> str:
    """`<prefix>/<uuid>`: the first 128 bits of a SHA-256 with the bits of a version-4 UUID, which sites check for."""
    site = target.site or target.creation_location
    digest = hashlib.sha256(f"{site}/{instrument}/{session_id}".encode()).digest()
    uuid = str(UUID(bytes=digest[:16], version=4))
    if target.pid_uppercase:
        uuid = uuid.upper()
    prefix = target.pid_prefix.strip("/")
    return f"{prefix}/{uuid}" if prefix else uuid
