"""The table of scalar readings in `run_0001_readings.h5`: its layout, and how it is read after the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.detector import Value
from beamsession.record.nexus.objects import plain_text

GROUP = "/entry/readings"
# One row for each value a PV posted, in the order in which they came.
INDEX, TIME, VALUE, SEVERITY = "pv_index", "time", "value", "severity"
# One row for each PV; `pv_index` counts them.
NAME, PV, UNITS, DESCRIPTION, LABELS = "name", "pv", "units", "description", "labels"
LOST = "lost"
EPOCH = "1970-01-01T00:00:00Z"


class Column(Value):
    """What the table says about one PV: `labels` are the texts of an enumeration, whose values are its numbers."""

    name: str
    pv: str
    units: str | None = None
    description: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableColumns:
    """All columns as they are written; `version` tells those of one moment from those of another.

    Made once and kept: with thousands of columns it takes longer than a run may take to start.
    """

    version: int
    texts: dict[str, NDArray[np.object_]]

    @staticmethod
    def of(columns: Sequence[Column], version: int = 0) -> TableColumns:
        """Those of `columns`."""
        texts = {
            NAME: [column.name for column in columns],
            PV: [column.pv for column in columns],
            # A table of texts has no None: JSON tells unknown units (null) from none ("").
            UNITS: [json.dumps(column.units, ensure_ascii=False) for column in columns],
            DESCRIPTION: [plain_text(column.description) for column in columns],
            LABELS: [json.dumps(column.labels, ensure_ascii=False) for column in columns],
        }
        return TableColumns(version, {key: np.array(value, dtype=object) for key, value in texts.items()})


@dataclass(frozen=True)
class Series:
    """All values of one PV in a run, by time: `times` in ns since the epoch, `values` NaN where it was disconnected."""

    column: Column
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    severities: NDArray[np.int8]


def create_table(file: h5py.File, columns: TableColumns) -> None:
    """The empty table in a new file; after it the file may go into SWMR mode."""
    entry = file.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    group = file.create_group(GROUP)
    group.attrs["NX_class"] = "NXcollection"
    _create_rows(group)
    for name, texts in columns.texts.items():
        group.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    lost = group.create_dataset(LOST, data=np.zeros(len(columns.texts[NAME]), np.int64))
    lost.attrs["description"] = "values of each PV that are not here, because the disk did not follow"


def _create_rows(group: h5py.Group) -> None:
    for name, dtype in ((INDEX, "u4"), (TIME, "i8"), (VALUE, "f8"), (SEVERITY, "i1")):
        group.create_dataset(name, shape=(0,), maxshape=(None,), dtype=dtype, chunks=(4096,))
    time = group[TIME]
    time.attrs["units"] = "ns"
    time.attrs["start"] = EPOCH


def read_table(path: Path) -> list[Series]:
    """The series of each PV, in the order of the columns. Raises OSError or KeyError where the file is not whole."""
    with h5py.File(path, "r") as file:
        group: Any = file[GROUP]
        columns = _read_columns(group)
        rows = min(group[name].shape[0] for name in (INDEX, TIME, VALUE, SEVERITY))
        index, time = group[INDEX][:rows], group[TIME][:rows]
        value, severity = group[VALUE][:rows], group[SEVERITY][:rows]
    # By PV, then by time; lexsort is stable, so values with one time stamp stay in the order they came.
    order = np.lexsort((time, index))
    bounds = np.searchsorted(index[order], np.arange(len(columns) + 1))
    spans = [order[first:last] for first, last in pairwise(bounds)]
    return [
        Series(column, time[span], value[span], severity[span]) for column, span in zip(columns, spans, strict=True)
    ]


def _read_columns(group: Any) -> list[Column]:
    texts = (group[name].asstr()[:] for name in (NAME, PV, UNITS, DESCRIPTION, LABELS))
    return [
        Column(name=name, pv=pv, units=json.loads(units), description=description, labels=json.loads(labels))
        for name, pv, units, description, labels in zip(*texts, strict=True)
    ]
