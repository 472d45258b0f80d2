"""The folder that all workers of an instrument must see: proven by a mark in it, never assumed."""

from __future__ import annotations

import os
from pathlib import Path

from beamsession.model.errors import RefusedError

MARK = ".shared-by"


def mark_first(folder: Path, mark: str, *, replaces: bool) -> None:
    """Make the folder and mark it, when no folder bears the mark yet; `replaces`: whatever other mark it bears.

    Raises RefusedError FOLDER_NOT_SHARED where it bears another one, and OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = _found(folder)
    if found not in ("", mark) and not replaces:
        raise _refusal(folder, found)
    _write(folder / MARK, mark)


def require_shared(folder: Path, mark: str) -> None:
    """Raises RefusedError FOLDER_NOT_SHARED unless the folder bears `mark`."""
    found = _found(folder)
    if found != mark:
        raise _refusal(folder, found)


def _found(folder: Path) -> str:
    try:
        return (folder / MARK).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _refusal(folder: Path, found: str) -> RefusedError:
    what = "belongs to another instrument or job database" if found else "is not the one of the other workers"
    return RefusedError(
        f"The folder {folder} {what}.",
        code="FOLDER_NOT_SHARED",
        value=str(folder),
        remedy="Set worker.folder to the folder that all workers of this instrument see, on a shared disk. "
        "Where it was moved or is lost, stop all of them and start the first one with --adopt-folder.",
    )


def _write(path: Path, mark: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(mark + "\n", encoding="ascii")
    temporary.replace(path)
