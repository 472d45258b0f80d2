"""Whether a single-file copy is the same as the run that it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beamsession.archive.hdf5_tree import Known, children, file_number, is_reference
from beamsession.model.errors import RefusedError

COPY_OF = "beamsession_copy_of"
"""Attribute of the root of a copy: the name of the master."""
_OWN_ATTRIBUTES = {"file_name", COPY_OF}
_CHUNKS = 8
_SMALL = 1 << 16


def verify_copy(master: Path, copy: Path) -> int:
    """Compare groups, links, attributes, shapes, types, filters, numbers of chunks and their size, some chunks of each
    dataset byte by byte, and small datasets whole; how many chunks were compared. Raises RefusedError COPY_DIFFERS.
    """
    with h5py.File(master, "r", locking=False) as one, h5py.File(copy, "r", locking=False) as other:
        comparison = _Comparison(file_number(one), file_number(other))
        comparison.groups(one, other)
        _require_default_plot(one, other)
    return comparison.chunks


class _Comparison:
    def __init__(self, home: int, copy: int) -> None:
        self.chunks = 0
        self._home = home
        self._copy = copy
        self._known = Known()

    def groups(self, one: h5py.Group, other: h5py.Group) -> None:
        self._known.add(one)
        _require(_attributes(one) == _attributes(other), one, "has other attributes")
        originals = list(children(one, self._home))
        copies = {child.name: child for child in children(other, self._copy)}
        _require([child.name for child in originals] == list(copies), one, "has other members")
        for child in originals:
            twin = copies[child.name]
            _require(child.soft == twin.soft, one, f"has another link '{child.name}'")
            _require(not isinstance(other.get(child.name, getlink=True), h5py.ExternalLink), one, "leads elsewhere")
            if child.soft is not None or self._known.get(child.thing):
                continue
            _require(type(child.thing) is type(twin.thing), child.thing, "is of another kind")
            if isinstance(child.thing, h5py.Group):
                self.groups(child.thing, twin.thing)
            elif isinstance(child.thing, h5py.Dataset):
                self._datasets(child.thing, twin.thing)

    def _datasets(self, one: h5py.Dataset, other: h5py.Dataset) -> None:
        self._known.add(one)
        _require((one.shape, one.dtype, one.maxshape) == (other.shape, other.dtype, other.maxshape), one, "differs")
        _require(_attributes(one) == _attributes(other), one, "has other attributes")
        if one.chunks is None:
            self._values(one, other)
            return
        _require((one.chunks, _filters(one)) == (other.chunks, _filters(other)), one, "is packed in another way")
        count = one.id.get_num_chunks()
        _require(count == other.id.get_num_chunks(), one, "has another number of chunks")
        if one.dtype.kind != "O":  # Texts of any length are stored elsewhere in the file; chunks name the place.
            _require(one.id.get_storage_size() == other.id.get_storage_size(), one, "has another size")
            for number in sorted({round(place) for place in np.linspace(0, count - 1, min(count, _CHUNKS))}):
                place = one.id.get_chunk_info(number).chunk_offset
                _require(one.id.read_direct_chunk(place) == other.id.read_direct_chunk(place), one, "has other data")
                self.chunks += 1
        else:
            self._values(one, other)

    def _values(self, one: h5py.Dataset, other: h5py.Dataset) -> None:
        if is_reference(one.dtype):
            return
        if one.size is None or one.size <= _SMALL:
            _require(_same(one[()], other[()]), one, "has other values")
            return
        for row in (0, one.shape[0] // 2, one.shape[0] - 1):
            _require(_same(one[row], other[row]), one, "has other values")


def _attributes(thing: h5py.Group | h5py.Dataset) -> dict[str, tuple[str, tuple[int, ...] | None, bytes]]:
    left_out = _OWN_ATTRIBUTES if thing.name == "/" else set[str]()
    names = [name for name in thing.attrs if name not in left_out and not is_reference(thing.attrs.get_id(name).dtype)]
    return {name: _shown(thing.attrs[name]) for name in names}


def _shown(value: Any) -> tuple[str, tuple[int, ...] | None, bytes]:
    if isinstance(value, h5py.Empty):
        return str(value.dtype), None, b""
    array = np.asarray(value)
    content = repr(array.tolist()).encode() if array.dtype.kind in "OU" else array.tobytes()
    return str(array.dtype), array.shape, content


def _same(one: Any, other: Any) -> bool:
    return _shown(one) == _shown(other)


def _filters(dataset: h5py.Dataset) -> list[tuple[Any, ...]]:
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(number) for number in range(properties.get_nfilters())]


def _require_default_plot(one: h5py.File, other: h5py.File) -> None:
    """A viewer finds in the copy what it finds in the run."""
    for original, copied in zip(_default_plot(one), _default_plot(other), strict=True):
        _require(original == copied, one, "has another default plot")


def _default_plot(file: h5py.File) -> Iterator[Any]:
    thing: Any = file
    for attribute in ("default", "default", "signal"):
        name = thing.attrs.get(attribute) if isinstance(thing, h5py.Group) else None
        thing = thing.get(name) if isinstance(thing, h5py.Group) and isinstance(name, str) else None
        yield None if thing is None else (name, thing.shape if isinstance(thing, h5py.Dataset) else None)


def _require(holds: bool, thing: Any, what: str) -> None:
    if holds:
        return
    raise RefusedError(
        f"The copy of {thing.name} {what}.",
        code="COPY_DIFFERS",
        value=str(thing.name),
        remedy="Look at the data disk, then ask again; the copy was not kept.",
    )
