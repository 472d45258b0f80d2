"""Frames from the values of a Tango attribute: which types are taken, and what shape they have."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tango
from numpy.typing import NDArray
from tango import AttrDataFormat, AttrQuality, CmdArgType

from beamsession.record.frame import FrameFormat
from beamsession.record.sources.tango_inbox import Picture
from beamsession.record.tango_client import time_ns

_TYPES = {
    CmdArgType.DevBoolean: "|u1",
    CmdArgType.DevUChar: "|u1",
    CmdArgType.DevShort: "<i2",
    CmdArgType.DevEnum: "<i2",
    CmdArgType.DevUShort: "<u2",
    CmdArgType.DevLong: "<i4",
    CmdArgType.DevULong: "<u4",
    CmdArgType.DevLong64: "<i8",
    CmdArgType.DevULong64: "<u8",
    CmdArgType.DevFloat: "<f4",
    CmdArgType.DevDouble: "<f8",
}


def refusal(config: tango.AttributeInfoEx) -> str:
    """Why an attribute can bring no frames; empty if it can."""
    kind = CmdArgType(config.data_type)
    return "" if kind in _TYPES else f"it is of type {kind.name}, and frames are numbers"


def is_valid(value: Any) -> bool:
    """Whether the device vouches for the value, and there is one."""
    return value.quality != AttrQuality.ATTR_INVALID and np.size(value.value) > 0 and value.value is not None


def picture(value: Any, unique_id: int | None = None) -> Picture:
    """The frame in a valid value; a scalar is a frame of one pixel."""
    received = time.time_ns()
    pixels = np.ascontiguousarray(value.value, _TYPES[value.type])
    if value.data_format == AttrDataFormat.SCALAR:
        pixels = pixels.reshape(1)
    return Picture(pixels, time_ns(value) or received, received, unique_id)


def format_of(pixels: NDArray) -> FrameFormat:
    """The format of a frame's pixels."""
    return FrameFormat(pixels.shape, pixels.dtype.str)
