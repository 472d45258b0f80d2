"""One frame on its way from a source to a file, and the format all frames of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from beamsession.record.stamp import is_own_stamp

MAX_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """What every frame of a run has in common: `shape` rows first, `dtype` as numpy writes it (`<u2`).

    `codec` names how the source compressed the pixels, with what its name alone does not say (`blosc:lz4:bitshuffle`),
    empty for raw ones. `color` is areaDetector's colour mode of an image of three dimensions (`RGB1`), if it is told.
    """

    shape: tuple[int, ...]
    dtype: str
    codec: str = ""
    color: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of one frame, uncompressed."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        size = "x".join(str(length) for length in reversed(self.shape))
        remarks = ", ".join(remark for remark in (self.color, self.codec) if remark)
        return f"{size} {np.dtype(self.dtype).name}{f' ({remarks})' if remarks else ''}"

    def changed_to(self, other: FrameFormat) -> str:
        """How a later frame differs, as a sentence for the end of the run."""
        if (self.shape, self.dtype, self.color) == (other.shape, other.dtype, other.color):
            return f"the codec changed from {self.codec or 'none'} to {other.codec or 'none'}"
        return f"frame size changed from {self} to {other}"


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
        """Whether the source told when it was taken."""
        return is_own_stamp(self.time_ns, self.receive_ns)

    @property
    def nbytes(self) -> int:
        """Bytes as they came."""
        return self.payload.nbytes
