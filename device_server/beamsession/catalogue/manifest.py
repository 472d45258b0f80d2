"""The files of a session: everything in its folder that is data, as paths relative to the folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from beamsession.model.errors import RefusedError
from beamsession.model.own_names import LATER_FILES, is_no_data


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file: `path` relative with forward slashes, `size` in bytes, `mtime_ns` as the file system has it."""

    path: str
    size: int
    mtime_ns: int
    checksum: str = ""

    @property
    def modified(self) -> datetime:
        """When it was last written, UTC."""
        return datetime.fromtimestamp(self.mtime_ns / 1e9, tz=UTC)


def list_files(
    folder: Path,
    expected: Sequence[Path] = (),
    left_out: Collection[Path] = (),
    is_derived: Callable[[str], bool] = lambda path: False,
    skip: Callable[[str], None] = lambda path: None,
) -> Iterator[ListedFile]:
    """What is in `folder`, hidden files too, but for those of ours that are no data; in no order, one at a time.

    `expected` are absolute paths that must be in it, whatever their names. `left_out` are files and folders in it,
    absolute and without links on the way to them, that belong to the session no more, or never did; links to them are
    left out too. `is_derived` tells of a file that it was made of the data, and is none itself unless it or a folder
    above it is expected. `skip` is told of what cannot be listed: links out of the folder, to nothing, or to folders;
    devices, pipes and sockets. Raises RefusedError: FOLDER_MISSING, FOLDER_UNREADABLE, FILE_OUTSIDE, FILE_MISSING,
    BAD_FILE_NAME, NO_FILES.
    """
    if not folder.is_dir():
        raise RefusedError(
            f"The data folder {folder} is not there.",
            code="FOLDER_MISSING",
            value=str(folder),
            remedy="Mount the data disk or put the folder back, then ask for the ingest again.",
        )
    root = folder.resolve()
    _require(expected, root)
    walk = _Walk(
        root=str(root),
        wanted=frozenset(str(path.resolve()) for path in expected),
        foreign=frozenset(map(str, left_out)),
        is_derived=is_derived,
        skip=skip,
    )
    is_empty = True
    for file in walk.files():
        is_empty = False
        yield file
    _require(expected, root)  # It may have gone meanwhile, and then it is not among them.
    if is_empty:
        raise RefusedError(
            f"The data folder {folder} holds no files.",
            code="NO_FILES",
            value=str(folder),
            remedy="Put the data back, then ask for the ingest again.",
        )


@dataclass(frozen=True)
class _Walk:
    """One way through a folder: paths are text and entries come one at a time, for there may be a million of them."""

    root: str
    wanted: frozenset[str]
    foreign: frozenset[str]
    is_derived: Callable[[str], bool]
    skip: Callable[[str], None]

    def files(self) -> Iterator[ListedFile]:
        """All that is to be listed."""
        if self._is_foreign(self.root):
            return
        below = self._is_wanted(self.root)
        folders = [(self.root, below)]
        while folders:
            place, is_wanted = folders.pop()
            try:
                entries = os.scandir(place)
            except OSError as fault:
                _unreadable(fault)
            with entries:
                for entry in entries:
                    if entry.path in self.foreign:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, is_wanted or entry.path in self.wanted))
                    elif (file := self._file(entry, place, is_wanted or entry.path in self.wanted)) is not None:
                        yield file

    def _file(self, entry: os.DirEntry[str], place: str, is_wanted: bool) -> ListedFile | None:
        name, path = entry.name, entry.path
        is_later = place == self.root and name in LATER_FILES
        if is_later or (is_no_data(name) and path not in self.wanted):
            return None
        is_link = entry.is_symlink()
        target = os.path.realpath(path) if is_link else path
        if is_link and self._is_foreign(target):
            return None
        relative = path[len(self.root) + 1 :]
        _require_utf8(relative)
        if not entry.is_file() or (is_link and not target.startswith(self.root + "/")):
            self.skip(relative)
            return None
        if not is_wanted and self.is_derived(path):
            return None
        facts = entry.stat()
        return ListedFile(path=relative, size=facts.st_size, mtime_ns=facts.st_mtime_ns)

    def _is_foreign(self, path: str) -> bool:
        return bool(self.foreign) and _is_below(path, self.foreign)

    def _is_wanted(self, path: str) -> bool:
        return bool(self.wanted) and _is_below(path, self.wanted)


def _is_below(path: str, places: frozenset[str]) -> bool:
    while path and path not in places:
        path = path.rpartition("/")[0]
    return path in places


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


def _unreadable(fault: OSError) -> NoReturn:
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
