"""The files of a session: everything in its folder that is data, as paths relative to the folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from beamsession.model.errors import RefusedError
from beamsession.model.own_names import LATER_FILES, is_no_data
from beamsession.model.value import Value


class ListedFile(Value):
    """One file: `path` relative with forward slashes, `size` in bytes, `mtime_ns` as the file system has it."""

    path: str
    size: int = Field(ge=0)
    mtime_ns: int
    checksum: str = ""

    @property
    def modified(self) -> datetime:
        """When it was last written, UTC."""
        return datetime.fromtimestamp(self.mtime_ns / 1e9, tz=UTC)


class Manifest(Value):
    """The files of a session, sorted by path.

    `skipped` are not among them: links out of the folder, to nothing, or to folders; devices, pipes and sockets; and
    what was left out before the files were listed.
    """

    files: tuple[ListedFile, ...]
    skipped: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def list_files(
    folder: Path,
    expected: Sequence[Path] = (),
    left_out: Collection[Path] = (),
    skipped: Sequence[str] = (),
    is_derived: Callable[[Path], bool] = lambda path: False,
) -> Manifest:
    """The manifest of `folder`: what is in it, hidden files too, but for those of ours that are no data.

    `expected` are absolute paths that must be in it, whatever their names. `left_out` are files and folders in it,
    absolute and without links on the way to them, that belong to the session no more, or never did; links to them are
    left out too. `skipped` are named in the manifest with those found here. `is_derived` tells of a file that it was
    made of the data, and is none itself unless it or a folder above it is expected. Raises RefusedError:
    FOLDER_MISSING, FOLDER_UNREADABLE, FILE_OUTSIDE, FILE_MISSING, BAD_FILE_NAME, NO_FILES.
    """
    if not folder.is_dir():
        raise RefusedError(
            f"The data folder {folder} is not there.",
            code="FOLDER_MISSING",
            value=str(folder),
            remedy="Mount the data disk or put the folder back, then ask for the ingest again.",
        )
    root = folder.resolve()
    foreign = frozenset(left_out)
    files: list[ListedFile] = []
    others: list[str] = []
    wanted = frozenset(path.resolve() for path in expected)
    for path in _walk(root, wanted):
        if _is_below(path, foreign) or (path.is_symlink() and _is_below(path.resolve(), foreign)):
            continue
        relative = path.relative_to(root).as_posix()
        _require_utf8(relative)
        if not _is_inside_file(path, root):
            others.append(relative)
            continue
        if not _is_below(path, wanted) and is_derived(path):
            continue
        facts = path.stat()
        files.append(ListedFile(path=relative, size=facts.st_size, mtime_ns=facts.st_mtime_ns))
    files.sort(key=lambda file: file.path)
    _require(expected, root)
    if not files:
        raise RefusedError(
            f"The data folder {folder} holds no files.",
            code="NO_FILES",
            value=str(folder),
            remedy="Put the data back, then ask for the ingest again.",
        )
    return Manifest(files=tuple(files), skipped=tuple(sorted({*skipped, *others})))


def _walk(root: Path, expected: frozenset[Path]) -> Iterator[Path]:
    """Everything in `root` but folders, without our own files that are no data; unless one of these is expected."""
    for place, folders, names in os.walk(root, onerror=_unreadable):
        here = Path(place)
        for name in (*(name for name in folders if (here / name).is_symlink()), *names):
            path = here / name
            is_later = here == root and name in LATER_FILES
            if not is_later and (not is_no_data(name) or path in expected):
                yield path


def _is_below(path: Path, places: frozenset[Path]) -> bool:
    return bool(places) and any(part in places for part in (path, *path.parents))


def _is_inside_file(path: Path, root: Path) -> bool:
    return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root))


def _require_utf8(relative: str) -> None:
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise RefusedError(
            f"The name of the file {relative!a} is not UTF-8, which the catalogue cannot hold.",
            code="BAD_FILE_NAME",
            value=ascii(relative),
            remedy="Rename it, then ask for the ingest again.",
        ) from None


def _unreadable(fault: OSError) -> None:
    raise RefusedError(
        f"The data folder {fault.filename} cannot be read: {fault.strerror}.",
        code="FOLDER_UNREADABLE",
        value=str(fault.filename),
        remedy="Give the worker's account the right to read it, then ask for the ingest again.",
    ) from fault


def _require(expected: Sequence[Path], root: Path) -> None:
    for path in expected:
        resolved = path.resolve()
        if not resolved.is_relative_to(root):
            raise RefusedError(
                f"{path} belongs to the session but lies outside its folder {root}.",
                code="FILE_OUTSIDE",
                value=str(path),
                remedy=f"Copy it to {root / 'added'}, then ask for the ingest again.",
            )
        if not resolved.exists():
            raise RefusedError(
                f"{path} belongs to the session but is not there.",
                code="FILE_MISSING",
                value=str(path),
                remedy="Put it back, take the file off the session, or disable its run; then ask for the ingest again.",
            )
