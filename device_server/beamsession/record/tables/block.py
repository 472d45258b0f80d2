"""One update of a table on its way from the wire to a file, and the columns all updates of a run share."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from beamsession.record.stamp import is_own_stamp


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the field's in the structure, `label` what people call it, `dtype` as numpy writes it (`S64`: text)."""

    name: str
    dtype: str
    label: str

    @property
    def is_number(self) -> bool:
        """Whether it can be plotted; booleans cannot."""
        return self.dtype[-2] in "iuf"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, in its order."""

    columns: tuple[Column, ...]

    def __str__(self) -> str:
        return ", ".join(f"{column.name} {column.dtype}" for column in self.columns)

    def changed_to(self, other: Columns) -> str:
        """How a later table differs, as a sentence for the end of the run."""
        return f"the table's columns changed from {self} to {other}"


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one update: an array for each column of `format`, all of one length.

    `time_ns` is the source's time stamp, `receive_ns` when it came off the wire; ns since 1970, UTC. `unique_id` is
    its number, counted from 0 since the run was prepared.
    """

    format: Columns
    unique_id: int
    time_ns: int
    receive_ns: int
    values: tuple[NDArray, ...]

    @property
    def is_stamped(self) -> bool:
        """Whether the source told when it was posted."""
        return is_own_stamp(self.time_ns, self.receive_ns)

    @property
    def rows(self) -> int:
        """How many there are; a table may come empty."""
        return len(self.values[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return sum(values.nbytes for values in self.values)
