"""A run in one file: its master with the data in place of the links to them, packed as they are.

Nothing is unpacked: HDF5 copies the stored chunks, so that a copy is as small as its sources, and needs none of their
filters. What several links lead to is there once, under as many names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

from beamsession.archive.hdf5_tree import Known, Thing, children, file_number, is_reference, opened
from beamsession.archive.single_file_check import COPY_OF, verify_copy
from beamsession.model.errors import RefusedError

_VERSIONS = ("v110", "latest")


@dataclass(frozen=True)
class CopyReport:
    """`size` is that of the file; `stored` are the bytes of the data as they are packed."""

    size: int
    datasets: int
    stored: int
    chunks_compared: int


def bytes_to_copy(master: Path) -> int:
    """How much a copy needs, nearly. Raises RefusedError: FILE_UNREADABLE, DATA_MISSING, DATA_ELSEWHERE."""
    with opened(master) as file:
        count = _Count()
        count.group(file, file_number(file))
        return count.stored + master.stat().st_size


def copy_run(
    master: Path, part: Path, *, name: str, end: bytes, told: Callable[[str], None] = lambda what: None
) -> CopyReport:
    """Write the copy of the closed run `master` to `part`, whose content is replaced; `name` is what it will be called.

    `end` becomes its last bytes once all is compared. `told` hears of each part of the work before it is done.
    Raises RefusedError as `bytes_to_copy` does, COPY_DIFFERS, and OSError.
    """
    with opened(master) as source, h5py.File(part, "w", libver=_VERSIONS, locking=False) as target:
        copier = _Copier(file_number(source), told)
        copier.group(source, target)
        target.attrs["file_name"] = name
        target.attrs[COPY_OF] = master.name
    told("what was copied is compared with the run")
    compared = verify_copy(master, part)
    with part.open("ab") as stream:
        stream.write(end)
        stream.flush()
        os.fsync(stream.fileno())
    return CopyReport(part.stat().st_size, copier.count.datasets, copier.count.stored, compared)


class _Count:
    """Each dataset once."""

    def __init__(self) -> None:
        self.datasets = 0
        self.stored = 0
        self._known = Known()

    def group(self, group: h5py.Group, home: int) -> None:
        self._known.add(group)
        for child in children(group, home):
            if child.soft is not None or self._known.get(child.thing):
                continue
            if isinstance(child.thing, h5py.Group):
                self.group(child.thing, home)
            else:
                self._known.add(child.thing)
                self.take(child.thing)

    def take(self, thing: Thing) -> None:
        if isinstance(thing, h5py.Dataset):
            _require_here(thing)
            self.datasets += 1
            self.stored += thing.id.get_storage_size()


class _Copier:
    def __init__(self, home: int, told: Callable[[str], None]) -> None:
        self.count = _Count()
        self._home = home
        self._told = told
        self._copied = Known()

    def group(self, source: h5py.Group, target: h5py.Group) -> None:
        self._copied.add(source, target)
        _copy_attributes(source, target)
        for child in children(source, self._home):
            if child.soft is not None:
                target[child.name] = h5py.SoftLink(child.soft)
            elif (known := self._copied.get(child.thing)) is not None:
                target[child.name] = known  # One more name of the same.
            elif isinstance(child.thing, h5py.Group):
                self.group(child.thing, target.create_group(child.name))
            else:
                self.count.take(child.thing)
                self._told(f"{child.thing.name} of {Path(child.thing.file.filename).name}")
                h5o.copy(child.thing.id, b".", target.id, child.name.encode())
                self._copied.add(child.thing, target[child.name])


def _copy_attributes(source: h5py.Group, target: h5py.Group) -> None:
    for name in source.attrs:
        stored = source.attrs.get_id(name)
        if is_reference(stored.dtype):
            continue
        value = source.attrs[name]
        if isinstance(value, h5py.Empty):
            target.attrs[name] = value
        else:
            target.attrs.create(name, value, shape=stored.shape, dtype=stored.dtype)


def _require_here(dataset: h5py.Dataset) -> None:
    """Raise RefusedError DATA_ELSEWHERE for what stores its numbers outside its file: a copy would only point there."""
    if not dataset.is_virtual and dataset.external is None:
        return
    raise RefusedError(
        f"{dataset.name} in {Path(dataset.file.filename).name} is put together of other files by HDF5 itself.",
        code="DATA_ELSEWHERE",
        value=str(dataset.name),
        remedy="A virtual dataset cannot be copied without unpacking its data; use a ZIP archive of the session.",
    )
