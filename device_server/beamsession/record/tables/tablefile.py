"""The data file of a table in one run: HDF5, open for SWMR readers from the start, readable alone.

Layout, R rows that came in U updates::

    /                        NXroot   @default = "entry"
    /entry                   NXentry  @default = "data"; @title
    /entry/data              NXdata   @signal = the column to plot, @auxiliary_signals = the other columns of numbers
    /entry/data/<column>     (R) numbers, booleans or fixed-length UTF-8 text; @long_name, @units where configured
    /entry/data/unique_id    (U) int64, the number of each update, counted since the run was prepared
    /entry/data/time_stamp   (U) int64, the source's time stamp; @units = "ns", @start = "1970-01-01T00:00:00Z"
    /entry/data/receive_time (U) int64, when the update came off the wire; the same attributes
    /entry/data/first_row    (U) int64, the row at which each update begins
    /entry/signal            the column to plot once more, under a name that does not depend on the table

A column that is called like one of the four others is stored as `<column>_column`. Text has a fixed length because
HDF5's SWMR mode does not cover values of variable length.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beamsession.model.data_layout import TABLE_LAYOUT
from beamsession.record.datafile import ENTRY, EPOCH_START, GROUP, RECEIVE_TIME, TIME_STAMP, UNIQUE_ID
from beamsession.record.tables.block import Block, Column, Columns

FIRST_ROW = f"{GROUP}/first_row"

_PER_UPDATE = (FIRST_ROW, TIME_STAMP, RECEIVE_TIME, UNIQUE_ID)
_CHUNK_BYTES = 32768


class TableFile:
    """An open data file. Updates are acknowledged by `flush`: what was flushed survives a crash of this process.

    Errors of the disk come out as OSError or RuntimeError; the file must then not be touched any more.
    """

    def __init__(self, path: Path, form: Columns, *, title: str, signal: str, units: Mapping[str, str]) -> None:
        """`signal` is the name of a column of `form`, `units` are by column."""
        self.flushed = 0
        self.nbytes = 0
        self._rows = 0
        self._pending: list[Block] = []
        self._file = h5py.File(path, "w", libver="latest", locking="best-effort")
        self._columns = self._create(form, title, signal, units)
        self._beside = [self._create_numbers(name) for name in _PER_UPDATE]
        self._file.swmr_mode = True
        self._file.flush()

    def append(self, block: Block) -> None:
        """Take one update; it is written by the next `flush`."""
        self._pending.append(block)

    def drop(self) -> None:
        """Forget what is not yet written."""
        self._pending.clear()

    def flush(self) -> bool:
        """Make all updates visible to readers and safe from a crash of this process; whether there were any."""
        blocks, self._pending = self._pending, []
        if not blocks:
            return False
        for index, dataset in enumerate(self._columns):
            _extend(dataset, self._rows, np.concatenate([block.values[index] for block in blocks]))
        starts = self._rows + np.cumsum([0, *(block.rows for block in blocks)])
        beside = [(start, b.time_ns, b.receive_ns, b.unique_id) for start, b in zip(starts, blocks, strict=False)]
        # The ids last: a reader who sees an update finds its rows.
        for dataset, values in zip(self._beside, np.array(beside, np.int64).T, strict=True):
            _extend(dataset, self.flushed, values)
        self._rows = int(starts[-1])
        self.flushed += len(blocks)
        self.nbytes += sum(block.nbytes for block in blocks)
        return True

    def close(self) -> None:
        """Flush, close and bring the file to the disk itself."""
        self.flush()
        path = Path(self._file.filename)
        self._file.close()
        with path.open("rb") as file:
            os.fsync(file)

    def _create(self, form: Columns, title: str, signal: str, units: Mapping[str, str]) -> list[h5py.Dataset]:
        self._file.attrs.update({"NX_class": "NXroot", "default": "entry"})
        entry = self._file.create_group(ENTRY)
        entry.attrs.update({"NX_class": "NXentry", "default": "data", "title": title})
        group = entry.create_group("data")
        names = stored_names([column.name for column in form.columns])
        datasets = [
            _create_column(group, name, column, units.get(column.name))
            for name, column in zip(names, form.columns, strict=True)
        ]
        plotted = [column.name for column in form.columns].index(signal)
        datasets[plotted].attrs.setdefault("units", "")
        self._file[TABLE_LAYOUT.data] = datasets[plotted]
        group.attrs.update({"NX_class": "NXdata", "signal": names[plotted]})
        others = [
            name
            for index, (name, column) in enumerate(zip(names, form.columns, strict=True))
            if column.is_number and index != plotted
        ]
        if others:
            group.attrs["auxiliary_signals"] = others
        return datasets

    def _create_numbers(self, name: str) -> h5py.Dataset:
        dataset = self._file.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(4096,), dtype=np.int64)
        if name in (TIME_STAMP, RECEIVE_TIME):
            dataset.attrs.update({"units": "ns", "start": EPOCH_START})
        return dataset


def stored_names(names: Sequence[str]) -> list[str]:
    """The data sets' names for columns of these names."""
    taken = {*names, *(path.rpartition("/")[2] for path in _PER_UPDATE)}
    stored: list[str] = []
    for name in names:
        free = name
        if f"{GROUP}/{name}" in _PER_UPDATE:
            while free in taken:
                free += "_column"
            taken.add(free)
        stored.append(free)
    return stored


def _create_column(group: h5py.Group, name: str, column: Column, units: str | None) -> h5py.Dataset:
    dtype = np.dtype(column.dtype)
    options: dict[str, Any] = {}
    if dtype.kind == "S":
        options["compression"] = "gzip"  # texts are mostly shorter than their data set's length
    dataset = group.create_dataset(
        name,
        shape=(0,),
        maxshape=(None,),
        chunks=(max(1, _CHUNK_BYTES // dtype.itemsize),),
        dtype=h5py.string_dtype("utf-8", dtype.itemsize) if dtype.kind == "S" else dtype,
        **options,
    )
    dataset.attrs["long_name"] = f"{column.label} ({units})" if units else column.label
    if units is not None:
        dataset.attrs["units"] = units
    return dataset


def _extend(dataset: h5py.Dataset, begin: int, values: np.ndarray) -> None:
    dataset.resize((begin + len(values),))
    dataset[begin:] = values.view(dataset.dtype)  # a text's type then says that it is UTF-8, as the data set's does
    dataset.flush()
