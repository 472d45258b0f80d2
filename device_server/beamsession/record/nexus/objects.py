"""HDF5 objects with the attributes that NeXus wants, and typed access to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeGuard

import h5py
import numpy as np

from beamsession.model.clock import to_text

# Files that HDF5 1.10 and all that came after can read, and that a reader may open in SWMR mode.
LIBRARY_VERSIONS = ("v110", "v110")


def make_group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    """A new group of this NeXus class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def write_field(group: h5py.Group, name: str, value: Any, units: str | None = None, **attributes: Any) -> h5py.Dataset:
    """A new dataset; text becomes UTF-8, a time its RFC 3339 text; `units` None writes no such attribute.

    A list is one of texts, also when it is empty; numbers come as numpy arrays.
    """
    dataset = group.create_dataset(name, data=_stored(value))
    if units is not None:
        dataset.attrs["units"] = plain_text(units)
    for key, attribute in attributes.items():
        dataset.attrs[key] = _stored(attribute)
    return dataset


def plain_text(text: str) -> str:
    """`text` as HDF5 can hold it: what UTF-8 cannot encode, and NUL, becomes U+FFFD."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def is_array(thing: object) -> TypeGuard[h5py.Dataset]:
    """Whether an HDF5 object is a dataset of numbers with at least one dimension."""
    return isinstance(thing, h5py.Dataset) and thing.ndim > 0 and thing.dtype.kind in "iufb"


def text_of(thing: Any) -> str:
    """The text in a scalar dataset or attribute; empty where it is absent or holds something else."""
    value = thing[()] if isinstance(thing, h5py.Dataset) and thing.shape == () else thing
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return np.array([plain_text(item) for item in value], dtype=h5py.string_dtype())
    return value
