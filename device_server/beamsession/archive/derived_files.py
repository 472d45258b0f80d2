"""Files made of a run's data, in the session's folder: known as ours by what is in them, replaced only by ourselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from beamsession.archive.placing import make_folder, replace_file
from beamsession.model.derived import HEAD, QUICK_LOOK_MARK, TAIL, is_copy_end, is_quick_look_folder
from beamsession.model.errors import ConflictError
from beamsession.model.plan import FileRules

_COPY_SUFFIX = "_single.nxs"


def is_derived(path: Path | str) -> bool:
    """Whether the file is part of a quick look of ours, or a single-file copy under its usual name."""
    # Asked of each of a session's files, which may be a million: a Path only where the names say that it may be.
    folder, _, name = str(path).rpartition("/")
    if is_quick_look_folder(folder.rpartition("/")[2]):
        return _is_quick_look_file(Path(path))
    return name.endswith(_COPY_SUFFIX) and is_copy_end(_tail(Path(path)))


def place_quick_look(
    data_root: Path, folder: Path, made: Path, names: Sequence[str], rules: FileRules
) -> tuple[Path, ...]:
    """Give the files `names` of the folder `made` their places in `folder`, in this order, each atomically.

    An earlier quick look's files are replaced, or removed where they are not made any more. Raises ConflictError
    FILE_EXISTS, before anything is changed, where somebody else's file has one of these names; RefusedError
    (ROOT_MISSING, OUTSIDE_ROOT) and OSError.
    """
    make_folder(data_root, folder, rules)
    for name in names:
        place = folder / name
        if (place.exists() or place.is_symlink()) and not _is_quick_look_file(place):
            raise ConflictError(
                f"{place} is there already and was not made by a quick look.",
                code="FILE_EXISTS",
                value=str(place),
                remedy="Move it elsewhere, then ask for the quick look again; nobody else's file is ever replaced.",
            )
    for name in names:
        replace_file(folder / name, (made / name).read_bytes(), rules)
    for path in folder.iterdir():
        if path.name not in names and _is_quick_look_file(path):
            path.unlink()  # Of an earlier one, also what a crash left there without its name.
    return tuple(folder / name for name in names)


def _is_quick_look_file(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return QUICK_LOOK_MARK in stream.read(HEAD)


def _tail(path: Path) -> bytes:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - TAIL, 0))
        return stream.read()
