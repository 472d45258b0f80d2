"""Folders and small files on the data disk: made by the file rules, replaced atomically, safe after a power cut."""

from __future__ import annotations

import grp
import os
from pathlib import Path

from beamsession.archive.sync import sync_folder
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules


def make_folder(data_root: Path, folder: Path, rules: FileRules) -> None:
    """Make `folder` and what is missing on the way; only what is made gets the rules' mode and group.

    Raises RefusedError (ROOT_MISSING, OUTSIDE_ROOT) and OSError.
    """
    require_root(data_root)
    root, real = data_root.resolve(), folder.resolve()
    if real == root or not real.is_relative_to(root):
        raise RefusedError(
            f"{folder} does not lie below the data root {data_root}.",
            code="OUTSIDE_ROOT",
            value=str(folder),
            remedy="Look for a symbolic link on the way, or correct data.template.",
        )
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            continue  # The recorder made it in this instant, by the same rules.
        dress(path, rules.folder_mode, rules)


def require_root(data_root: Path) -> None:
    """Raise RefusedError (ROOT_MISSING): it is never made, an unmounted disk would become a folder on the system's."""
    if data_root.is_dir():
        return
    raise RefusedError(
        f"The data root {data_root} does not exist on the worker's host.",
        code="ROOT_MISSING",
        value=str(data_root),
        remedy="Mount it, or correct data.root in the configuration.",
    )


def dress(path: Path, mode: int, rules: FileRules) -> None:
    """Give what we made its mode, whatever the umask, and its group. Raises OSError."""
    if rules.group is not None:
        try:
            os.chown(path, -1, grp.getgrnam(rules.group).gr_gid)
        except KeyError as fault:
            raise OSError(f"there is no group '{rules.group}' on this host") from fault
    path.chmod(mode)  # After chown, which clears setgid.


def replace_file(path: Path, content: bytes, rules: FileRules) -> None:
    """Put `content` at `path` so that a reader sees the old file or the new one, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            dress(temporary, rules.file_mode, rules)
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
