"""A small file that is whole at every instant: written beside its name, synced, then given the name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from beamsession.record.folders import dress
from beamsession.record.nexus.objects import LIBRARY_VERSIONS


@contextmanager
def new_file(path: Path, rules: FileRules) -> Iterator[h5py.File]:
    """An HDF5 file to fill, which gets the name `path` at the end of the block.

    Raises RefusedError (FILE_EXISTS) and leaves no trace if something has that name by then.
    """
    if path.exists():
        raise _exists(path)
    with _beside(path, rules) as (file, temporary):
        yield file
        file.close()
        _sync(temporary)
        try:
            os.link(temporary, path)  # Unlike a rename it never replaces.
        except FileExistsError:
            raise _exists(path) from None
    _sync(path.parent)


@contextmanager
def replaced_file(path: Path, rules: FileRules) -> Iterator[h5py.File]:
    """An HDF5 file to fill, which replaces `path` at the end of the block; who has the old one open keeps it."""
    with _beside(path, rules) as (file, temporary):
        yield file
        file.close()
        _sync(temporary)
        temporary.replace(path)
    _sync(path.parent)


@contextmanager
def _beside(path: Path, rules: FileRules) -> Iterator[tuple[h5py.File, Path]]:
    # One fixed name: what a crash left there is overwritten by the next attempt.
    temporary = path.with_name(f".{path.name}.new")
    try:
        with h5py.File(temporary, "w", libver=LIBRARY_VERSIONS, locking="best-effort") as file:
            dress(temporary, rules.file_mode, rules.group)
            yield file, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(path: Path) -> RefusedError:
    return RefusedError(
        f"{path} exists already and is never overwritten.",
        code="FILE_EXISTS",
        value=str(path),
        remedy="Start the next run, or move that file away.",
    )
