"""Posts to soft records of the IOC in this process: the record is processed before the call returns.

softioc's own input records are scanned later, by another thread: a second value can then overtake the first,
and two records can be processed in either order. A detector needs neither.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray
from softioc.imports import db_put_field_process, get_DBF_values

_TYPE_CODE: dict[str, int] = get_DBF_values()


class IntegerRecord:
    """A record with a whole value, by its name; its time stamp is that of the post."""

    def __init__(self, name: str) -> None:
        self.name = name

    def post(self, value: int) -> None:
        """Set the value, and tell every subscriber of it."""
        buffer = ctypes.c_int32(value)
        db_put_field_process(self.name, _TYPE_CODE["DBF_LONG"], ctypes.addressof(buffer), 1, True)


class RealRecord:
    """A record with a real value, by its name; its time stamp is that of the post."""

    def __init__(self, name: str) -> None:
        self.name = name

    def post(self, value: float) -> None:
        """Set the value, and tell every subscriber of it."""
        buffer = ctypes.c_double(value)
        db_put_field_process(self.name, _TYPE_CODE["DBF_DOUBLE"], ctypes.addressof(buffer), 1, True)


class PixelRecord:
    """A waveform record with FTVL SHORT, given unsigned 16-bit pixels."""

    def __init__(self, name: str) -> None:
        self.name = name

    def post(self, pixels: NDArray[np.uint16]) -> None:
        """Copy a C-contiguous array, of any shape, into the record."""
        db_put_field_process(self.name, _TYPE_CODE["DBF_SHORT"], pixels.ctypes.data, pixels.size, True)
