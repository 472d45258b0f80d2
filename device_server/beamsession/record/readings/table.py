"""The table of scalar readings in `run_0001_readings.h5`: its layout, and how it is read after the run."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.value import Value

GROUP = "/entry/readings"
# One row for each value a PV posted, in the order in which they came.
INDEX, TIME, VALUE, SEVERITY = "pv_index", "time", "value", "severity"
# One row for each PV; `pv_index` counts them.
NAME, PV, UNITS, DESCRIPTION, LABELS = "name", "pv", "units", "description", "labels"
LOST = "lost"
MOST_ROWS = 8_000_000
"""Rows in memory while a long table is read: some 300 MB."""
_SPAN = 1 << 20
EPOCH = "1970-01-01T00:00:00Z"


class Column(Value):
    """What the table says about one PV: `labels` are the texts of an enumeration, whose values are its numbers."""

    name: str
    pv: str
    units: str | None = None
    description: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """All values of one PV in a run, by time: `times` in ns since the epoch, `values` NaN where it was disconnected."""

    column: Column
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    severities: NDArray[np.int8]


def read_table(path: Path) -> list[Series]:
    """All series at once, see `each_series`."""
    return list(each_series(path))


def each_series(path: Path, names: Collection[str] | None = None, most_rows: int = MOST_ROWS) -> Iterator[Series]:
    """The series of each PV, or of those in `names`, in the order of the columns.

    Of a long table no more than `most_rows` rows are in memory at a time, or those of one PV where it has more; it is
    gone through repeatedly then. Raises OSError or KeyError where the file is not whole.
    """
    with h5py.File(path, "r") as file:
        group: Any = file[GROUP]
        columns = _read_columns(group)
        counts = _counts(group, len(columns))
        wanted = [place for place, column in enumerate(columns) if names is None or column.name in names]
        for places in _portions(wanted, counts, most_rows):
            index, time, value, severity = _gathered(group, places, counts)
            # By PV, then by time; lexsort is stable, so values with one time stamp stay in the order they came.
            order = np.lexsort((time, index))
            bounds = np.searchsorted(index[order], [*places, len(columns)])
            for place, first, last in zip(places, bounds, bounds[1:], strict=False):
                span = order[first:last]
                yield Series(columns[place], time[span], value[span], severity[span])


def _counts(group: Any, columns: int) -> NDArray[np.int64]:
    """How many rows each PV has."""
    counts = np.zeros(columns, np.int64)
    for span in _spans(group):
        counts += np.bincount(group[INDEX][span], minlength=columns)
    return counts


def _portions(places: list[int], counts: NDArray[np.int64], most_rows: int) -> Iterator[list[int]]:
    """`places` in pieces whose rows fit into memory together."""
    portion: list[int] = []
    rows = 0
    for place in places:
        if portion and rows + counts[place] > most_rows:
            yield portion
            portion, rows = [], 0
        portion.append(place)
        rows += int(counts[place])
    if portion:
        yield portion


def _gathered(group: Any, places: list[int], counts: NDArray[np.int64]) -> list[NDArray[Any]]:
    """The rows of these PVs, as they came: index, time, value, severity."""
    chosen = np.zeros(len(counts), np.bool_)
    chosen[places] = True
    datasets = [group[name] for name in (INDEX, TIME, VALUE, SEVERITY)]
    found = [np.empty(int(counts[places].sum()), dataset.dtype) for dataset in datasets]
    end = 0
    for span in _spans(group):
        fits = chosen[datasets[0][span]]
        begin, end = end, end + int(fits.sum())
        if begin < end:
            for rows, dataset in zip(found, datasets, strict=True):
                rows[begin:end] = dataset[span][fits]
    return found


def _spans(group: Any) -> Iterator[slice]:
    """Pieces of the table; its columns may differ in length after a crash."""
    rows = min(group[name].shape[0] for name in (INDEX, TIME, VALUE, SEVERITY))
    for first in range(0, rows, _SPAN):
        yield slice(first, min(first + _SPAN, rows))


def _read_columns(group: Any) -> list[Column]:
    texts = (group[name].asstr()[:] for name in (NAME, PV, UNITS, DESCRIPTION, LABELS))
    return [
        Column(name=name, pv=pv, units=json.loads(units), description=description, labels=json.loads(labels))
        for name, pv, units, description, labels in zip(*texts, strict=True)
    ]
