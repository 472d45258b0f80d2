"""Writes the table of readings: exclusive, SWMR from its first row, flushed with every block of rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.plan import FileRules
from beamsession.record.datafile import claim, creation_error
from beamsession.record.nexus.objects import LIBRARY_VERSIONS
from beamsession.record.readings.board import Rows
from beamsession.record.readings.emptytable import EmptyTable
from beamsession.record.readings.table import GROUP, INDEX, LOST, SEVERITY, TIME, VALUE


class TableWriter:
    """One table, from its creation to its end; it holds the file's lock all the time."""

    def __init__(self, path: Path, table: EmptyTable, rules: FileRules) -> None:
        """Create it. Raises RefusedError (FILE_EXISTS, FILE_LOCKED, DISK_FULL ...); then nothing of it stays behind."""
        self.path = path
        self.count = 0
        self._lock = claim(path, rules)
        try:
            self._file = _create(path, table)
        except BaseException:
            self._lock.release()
            raise
        group: Any = self._file[GROUP]
        self._rows = {name: group[name] for name in (INDEX, TIME, VALUE, SEVERITY)}
        self._lost = group[LOST]

    def append(self, rows: Rows) -> None:
        """Write and flush these rows; after it a crash does not take them back.

        Raises OSError or RuntimeError; the table must then not be touched any more, also not be closed. Its lock is
        held until the process ends, as HDF5 may write to the file until then.
        """
        first, last = self.count, self.count + len(rows)
        for name, dataset in self._rows.items():
            dataset.resize(last, axis=0)
            dataset[first:last] = rows[name]
            dataset.flush()
        self.count = last

    def note_lost(self, lost: NDArray[np.int64]) -> None:
        """Write down how many values of each PV never came here. Raises as `append` does."""
        self._lost[...] = lost
        self._lost.flush()

    def close(self) -> None:
        """End the file and give its lock back. Raises as `append` does, and keeps the lock then."""
        self._file.close()
        with self.path.open("rb") as file:
            os.fsync(file)
        self._lock.release()


def _create(path: Path, table: EmptyTable) -> h5py.File:
    try:
        path.write_bytes(table.image)
        file = h5py.File(path, "r+", libver=LIBRARY_VERSIONS, locking="best-effort")
        file.swmr_mode = True
    except BaseException as problem:
        path.unlink()
        if isinstance(problem, OSError):
            raise creation_error(path, problem) from problem
        raise
    return file
