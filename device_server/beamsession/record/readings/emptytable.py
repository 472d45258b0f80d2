"""The table of readings before its first row, made ahead of the runs that begin with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import h5py
import numpy as np

from beamsession.record.nexus.objects import LIBRARY_VERSIONS
from beamsession.record.readings.table import (
    DESCRIPTION,
    EPOCH,
    GROUP,
    INDEX,
    LABELS,
    LOST,
    NAME,
    PV,
    SEVERITY,
    TIME,
    UNITS,
    VALUE,
    Column,
)

_MOST_TEXTS = 1000


@dataclass(frozen=True)
class EmptyTable:
    """The table of a run that has not begun: `image` are the bytes of its file, without a row.

    `version` tells the columns of one moment from those of another. Made once and kept: thousands of texts take HDF5
    longer to write than a run may take to start, their bytes a millisecond.
    """

    version: int
    image: bytes

    @staticmethod
    def of(columns: Sequence[Column], version: int = 0) -> EmptyTable:
        """The one with these columns."""
        with h5py.File(
            "empty", "w", driver="core", backing_store=False, libver=LIBRARY_VERSIONS, locking="best-effort"
        ) as file:
            _create_table(file, columns)
            file.flush()
            return EmptyTable(version, file.id.get_file_image())


def _create_table(file: h5py.File, columns: Sequence[Column]) -> None:
    entry = file.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    group = file.create_group(GROUP)
    group.attrs["NX_class"] = "NXcollection"
    _create_rows(group)
    for name, texts in _texts(columns).items():
        group.create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
    lost = group.create_dataset(LOST, data=np.zeros(len(columns), np.int64))
    lost.attrs["description"] = "values of each PV that are not here, because the disk did not follow"


def _texts(columns: Sequence[Column]) -> dict[str, list[str]]:
    return {
        NAME: [column.name for column in columns],
        PV: [column.pv for column in columns],
        # A table of texts has no None: JSON tells unknown units (null) from none ("").
        UNITS: [_json(column.units) for column in columns],
        DESCRIPTION: [column.description for column in columns],
        LABELS: [_json(column.labels) for column in columns],
    }


@lru_cache(_MOST_TEXTS)
def _json(value: str | tuple[str, ...] | None) -> str:
    """Thousands of PVs have but a few different units."""
    return json.dumps(value, ensure_ascii=False)


def _create_rows(group: h5py.Group) -> None:
    for name, dtype in ((INDEX, "u4"), (TIME, "i8"), (VALUE, "f8"), (SEVERITY, "i1")):
        group.create_dataset(name, shape=(0,), maxshape=(None,), dtype=dtype, chunks=(4096,))
    time = group[TIME]
    time.attrs["units"] = "ns"
    time.attrs["start"] = EPOCH
