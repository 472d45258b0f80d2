"""What is in an HDF5 file and in those that it leads to, each object known again under all its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

from beamsession.model.errors import RefusedError

Thing = h5py.Group | h5py.Dataset | h5py.Datatype
Identity = tuple[int, int]


@dataclass(frozen=True)
class Child:
    """What is in a group: `soft` is where a soft link leads; otherwise `thing` is what is there, through any link."""

    name: str
    thing: Any = None
    soft: str | None = None


def opened(path: Path) -> h5py.File:
    """The file, to be read. Raises RefusedError FILE_UNREADABLE."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as fault:
        raise RefusedError(
            f"{path} cannot be opened: it is missing, damaged or no HDF5 file.",
            code="FILE_UNREADABLE",
            value=str(path),
            remedy="Put the file back, or look at it with h5dump or silx.",
        ) from fault


def children(group: h5py.Group, home: int) -> Iterator[Child]:
    """What is in `group`, in the order of names. `home` is the number (`file_number`) of the file walked through.

    A soft link of another file means a place in that one, so it counts as what it leads to. Raises RefusedError
    DATA_MISSING for any other link that leads nowhere.
    """
    is_home = file_number(group) == home
    for name in map(str, group):
        link = group.get(name, getlink=True)
        if is_home and isinstance(link, h5py.SoftLink):
            yield Child(name, soft=link.path)
            continue
        try:
            thing = group[name]
        except (KeyError, OSError, RuntimeError) as fault:
            raise _missing(group, name, link) from fault
        yield Child(name, thing)


def file_number(thing: Thing) -> int:
    """The number of the file that it is in: unique among all that were opened by this process."""
    return h5o.get_info(thing.id).fileno


class Known:
    """Objects that were seen, with a value each; a file stays open while objects of it are known."""

    def __init__(self) -> None:
        self._values: dict[Identity, Any] = {}
        self._open: dict[int, Thing] = {}

    def add(self, thing: Thing, value: Any = True) -> None:
        """Note `thing`, and `value` with it."""
        facts = h5o.get_info(thing.id)
        self._open.setdefault(facts.fileno, thing)
        self._values[facts.fileno, facts.addr] = value

    def get(self, thing: Thing) -> Any:
        """The value noted with `thing`, by whatever name it was found; None if it is new."""
        facts = h5o.get_info(thing.id)
        return self._values.get((facts.fileno, facts.addr))


def is_reference(dtype: Any) -> bool:
    """Whether values of this type point to places in their own file, so that they mean nothing in another one."""
    inner = h5py.check_vlen_dtype(dtype)
    names = getattr(dtype, "names", None)
    if names:
        return any(is_reference(dtype[name]) for name in names)
    if inner is not None and inner is not dtype and inner not in (str, bytes):
        return is_reference(inner)
    return h5py.check_ref_dtype(dtype) is not None


def _missing(group: h5py.Group, name: str, link: Any) -> RefusedError:
    path = f"{str(group.name).rstrip('/')}/{name}"
    sentence = f"{path} cannot be read."
    if isinstance(link, h5py.ExternalLink):
        place = Path(group.file.filename).parent / link.filename
        why = "cannot be read" if place.exists() else "is missing"
        sentence = f"{path} leads to {link.path} in {link.filename}, which {why}."
    return RefusedError(
        sentence,
        code="DATA_MISSING",
        value=path,
        remedy="Put the run's data files back beside its master; a copy that lacks some of them is not made.",
    )
