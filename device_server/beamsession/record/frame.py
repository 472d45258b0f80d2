"""One frame on its way from a source to a file, and the format all frames of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

MAX_DIMENSIONS = 4
_NEVER_NS = 946_684_800 * 1_000_000_000  # 2000; EPICS counts from 1990


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """What every frame of a run has in common: `shape` rows first, `dtype` as numpy writes it (`<u2`).

    `codec` names how the source compressed the pixels, empty for raw ones.
    """

    shape: tuple[int, ...]
    dtype: str
    codec: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of one frame, uncompressed."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        size = "x".join(str(length) for length in reversed(self.shape))
        return f"{size} {np.dtype(self.dtype).name}{f' ({self.codec})' if self.codec else ''}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One image: `time_ns` is the source's time stamp, `receive_ns` when it came off the wire; ns since 1970, UTC.

    `payload` is one-dimensional and contiguous: the pixels row by row, or what the codec made of them.
    """

    format: FrameFormat
    unique_id: int
    time_ns: int
    receive_ns: int
    payload: NDArray

    @property
    def is_stamped(self) -> bool:
        """Whether the source told when it was taken; a record that was never processed says 1990."""
        return self.time_ns != self.receive_ns and self.time_ns > _NEVER_NS
