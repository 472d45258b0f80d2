"""A small file that is there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path

from beamsession.archive.sync import sync_folder


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` to `path`, which is replaced at once; when this returns it is on the disk."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
