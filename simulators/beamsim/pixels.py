"""The pixel types the simulated detectors make, in the numbering of areaDetector's DataType records."""

from __future__ import annotations

from enum import Enum

import numpy as np

DATA_TYPE_CHOICES = (
    "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float32", "Float64",
)  # fmt: skip


class PixelType(Enum):
    """A pixel type; the value is its name among :data:`DATA_TYPE_CHOICES`."""

    UINT8 = "UInt8"
    UINT16 = "UInt16"
    UINT32 = "UInt32"

    @classmethod
    def from_choice(cls, index: int) -> PixelType:
        """The type at this index of the choices; ValueError for those no simulated detector makes."""
        return cls(DATA_TYPE_CHOICES[index])

    @property
    def choice(self) -> int:
        """Index among the choices of a DataType record."""
        return DATA_TYPE_CHOICES.index(self.value)

    @property
    def dtype(self) -> np.dtype:
        """The same type for numpy."""
        return np.dtype(self.value.lower())

    @property
    def brightest(self) -> float:
        """Counts at the centre of the pattern in full beam; noise on top of it never overflows."""
        return 180.0 if self is PixelType.UINT8 else 12_000.0
