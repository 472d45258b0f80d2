"""The highest session id ever given, kept in the data root: a store rebuilt from the disk never uses an id again."""

from __future__ import annotations

from pathlib import Path

from beamsession.archive.placing import replace_file
from beamsession.model.plan import FileRules

FILE_NAME = ".beamsession-last-id"


def last_id(data_root: Path) -> int:
    """The highest session id that this data root has seen, 0 if none or if the file says nothing sensible."""
    try:
        text = (data_root / FILE_NAME).read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdigit() else 0


def raise_to(data_root: Path, session_id: int, rules: FileRules) -> None:
    """Remember `session_id` if it is higher than what is remembered. Raises OSError."""
    if session_id > last_id(data_root):
        replace_file(data_root / FILE_NAME, f"{session_id}\n".encode(), rules)
