"""What a data file holds once nobody writes it any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from beamsession.model.data_layout import DataLayout

_NS = 1_000_000_000
# EPICS counts seconds from 1990-01-01T00:00:00Z.
_EPICS_EPOCH = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp())


class UnreadableError(Exception):
    """A data file that is missing, empty or damaged; the text is a sentence."""


@dataclass(frozen=True)
class StoredFrames:
    """`rank` is that of the dataset, 3 for images; `stamps` are int64 ns since the epoch, one for each frame.

    Of a table the blocks are counted, in which its rows came.
    Where the source gave no time stamp, that of the frame's arrival stands in. `stamps` may be shorter than `count`
    after a crash: the last frames then have none.
    """

    count: int
    rank: int
    stamps: NDArray[np.int64]


def stored_frames(path: Path, layout: DataLayout) -> StoredFrames:
    """The frames in a data file of this layout. Raises UnreadableError."""
    if not path.exists():
        raise UnreadableError(f"{path.name} is missing.")
    if not path.stat().st_size:
        raise UnreadableError(f"{path.name} is empty.")
    try:
        with h5py.File(path, "r") as file:
            data = file.get(layout.data)
            if not isinstance(data, h5py.Dataset):
                raise UnreadableError(f"{path.name} holds no frames.")
            stamps = _stamps(file, layout)
            count = data.shape[0] if layout.first_row is None else len(_times(file, layout.unique_id))
            return StoredFrames(count, data.ndim, stamps[:count])
    except (OSError, RuntimeError) as fault:
        raise UnreadableError(f"{path.name} cannot be read ({fault}).") from fault


def _stamps(file: h5py.File, layout: DataLayout) -> NDArray[np.int64]:
    if layout.epics_seconds is not None:
        return _epics_times(file, layout)
    stamps, arrivals = _times(file, layout.time_stamp), _times(file, layout.receive_time)
    both = min(len(stamps), len(arrivals))
    stamps[:both] = np.where(stamps[:both] > 0, stamps[:both], arrivals[:both])
    return stamps


def _epics_times(file: h5py.File, layout: DataLayout) -> NDArray[np.int64]:
    seconds, parts = _times(file, layout.epics_seconds), _times(file, layout.epics_nanoseconds)
    both = min(len(seconds), len(parts))
    return (seconds[:both] + _EPICS_EPOCH) * _NS + parts[:both]


def _times(file: h5py.File, path: str | None) -> NDArray[np.int64]:
    times = file.get(path) if path is not None else None
    return times[:].astype(np.int64) if isinstance(times, h5py.Dataset) else np.empty(0, np.int64)
