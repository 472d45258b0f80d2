"""Where a data file holds what."""

from __future__ import annotations

from pydantic import Field

from beamsession.model.value import Value


class DataLayout(Value):
    """Paths in a data file: its frames, and beside them their unique ids and times (None: it has none).

    A table grows by blocks of rows: `data` is its signal, `columns` the group that holds all columns, `first_row` where
    each block begins; ids and times are those of the blocks. Its rows are no frames, so nothing is matched to them.
    """

    data: str
    unique_id: str | None = None
    time_stamp: str | None = None
    receive_time: str | None = None
    columns: str | None = None
    first_row: str | None = None
    epics_seconds: str | None = Field(default=None, description="whole seconds since 1990-01-01 UTC, each frame")
    epics_nanoseconds: str | None = Field(default=None, description="nanoseconds into that second")
    units: str | None = Field(default=None, description="of a pixel's value, where the file itself does not tell them")

    @property
    def is_ours(self) -> bool:
        """Whether a recorder writes it, not another program: only we keep when a frame was received."""
        return self.receive_time is not None


OWN_LAYOUT = DataLayout(
    data="/entry/data/data",
    unique_id="/entry/data/unique_id",
    time_stamp="/entry/data/time_stamp",
    receive_time="/entry/data/receive_time",
)
TABLE_LAYOUT = OWN_LAYOUT.model_copy(
    update={"data": "/entry/signal", "columns": "/entry/data", "first_row": "/entry/data/first_row"}
)
