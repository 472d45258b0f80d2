"""The data file of one run of a table while it is filled; the lock beside it is held from the beginning."""

from __future__ import annotations

from beamsession.model.detector import TableDetector
from beamsession.model.errors import RefusedError
from beamsession.record.datafile import claim, creation_error
from beamsession.record.tables.block import Block, Columns
from beamsession.record.tables.orders import Prepare
from beamsession.record.tables.tablefile import TableFile


class Filling:
    """Raises OSError or RuntimeError where the disk refuses; the file must then not be touched any more."""

    def __init__(self, order: Prepare) -> None:
        """Make the file, empty. Raises RefusedError: FILE_EXISTS, FILE_LOCKED, DISK_FULL, ROOT_NOT_WRITABLE."""
        self.path = order.path
        self.columns = Columns(())
        self._title = order.title
        self._file: TableFile | None = None
        self._lock = claim(order.path, order.rules)

    @property
    def flushed(self) -> int:
        """Updates that a crash does not take back."""
        return 0 if self._file is None else self._file.flushed

    @property
    def nbytes(self) -> int:
        """Their bytes."""
        return 0 if self._file is None else self._file.nbytes

    def create(self, config: TableDetector, columns: Columns) -> None:
        """Create what is in the file. Raises RefusedError (BAD_FRAME) where the configuration does not fit."""
        signal = _signal(config, columns)
        try:
            self._file = TableFile(self.path, columns, title=self._title, signal=signal, units=config.units_of)
        except OSError as problem:
            raise creation_error(self.path, problem) from problem
        self.columns = columns

    def put(self, block: Block, /) -> bool:
        """Take one update, always."""
        assert self._file is not None
        self._file.append(block)
        return True

    def flush(self) -> bool:
        """Make all updates safe; whether there were any."""
        return self._file is not None and self._file.flush()

    def close(self, *, drain: bool) -> None:
        """Close the file in order, with all updates or without those that are not yet written."""
        if self._file is not None:
            if not drain:
                self._file.drop()
            self._file.close()
        self._lock.release()

    def discard(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)
        self._lock.release()


def _signal(config: TableDetector, columns: Columns) -> str:
    """The column to plot."""
    names = [column.name for column in columns.columns]
    numbers = [column.name for column in columns.columns if column.is_number]
    unknown = sorted(set(config.units_of) - set(names))
    if unknown:
        raise _misfit(config, f"units_of names the column {unknown[0]}, which it has not", names)
    if config.signal is not None and config.signal not in numbers:
        what = "which is no column of numbers" if config.signal in names else "which it has not"
        raise _misfit(config, f"signal names the column {config.signal}, {what}", numbers)
    if not numbers:
        raise _misfit(config, "it has no column of numbers that could be plotted", names)
    return config.signal or numbers[0]


def _misfit(config: TableDetector, reason: str, names: list[str]) -> RefusedError:
    return RefusedError(
        f"The table {config.pv} of detector {config.name} cannot be recorded: {reason}.",
        code="BAD_FRAME",
        value=config.pv,
        remedy=f"Correct the detector in the configuration; the table has the columns {', '.join(names) or '(none)'}.",
    )
