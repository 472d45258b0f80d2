"""The frame in a PVA structure: epics:nt/NTNDArray:1.0 or epics:nt/NTScalarArray:1.0.

How areaDetector fills an NTNDArray that is compressed: see ADCore's ntndArrayConverter. The bytes are ubytes then,
`codec.parameters` holds the pixels' true type as a number of pvData's ScalarType, `dimension` the true size.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from p4p import Value

from beamsession.record.frame import MAX_DIMENSIONS, Frame, FrameFormat
from beamsession.record.passthrough import CodecError, codec_of
from beamsession.record.sources.source import UnusableFrameError

NDARRAY = "epics:nt/NTNDArray:"
SCALAR_ARRAY = "epics:nt/NTScalarArray:"

_NS = 1_000_000_000
_SCALAR_TYPES = {1: "|i1", 2: "<i2", 3: "<i4", 4: "<i8", 5: "|u1", 6: "<u2", 7: "<u4", 8: "<u8", 9: "<f4", 10: "<f8"}
_COLOR_DIMENSIONS = 3
_COLOR_MODES = ("Mono", "Bayer", "RGB1", "RGB2", "RGB3", "YUV444", "YUV422", "YUV411")  # NDColorMode_t


def color_mode(value: Value) -> str:
    """The NDAttribute ColorMode of an NTNDArray; empty where there is none."""
    for attribute in value.get("attribute", ()):
        if attribute["name"] == "ColorMode":
            mode = attribute["value"]
            return _COLOR_MODES[mode] if isinstance(mode, int) and 0 <= mode < len(_COLOR_MODES) else ""
    return ""


def frame_of_ndarray(value: Value, color_of: Callable[[Value], str] = color_mode) -> Frame | None:
    """The frame in an NTNDArray, None if it has no pixels yet; `color_of` tells the colour mode of one of three
    dimensions. Raises UnusableFrameError.
    """
    received = time.time_ns()
    try:
        pixels = value["value"]
        codec = value["codec.name"]
        unique_id = value["uniqueId"]
        shape = tuple(axis["size"] for axis in reversed(value["dimension"]))
        stamp = value["timeStamp.secondsPastEpoch"] * _NS + value["timeStamp.nanoseconds"]
    except (KeyError, TypeError) as problem:
        raise UnusableFrameError(
            f"it holds {value.getID()}, which is neither an NTNDArray nor an NTScalarArray"
        ) from problem
    if pixels is None or (isinstance(pixels, np.ndarray) and not pixels.size):
        return None
    if not isinstance(pixels, np.ndarray) or not 1 <= len(shape) <= MAX_DIMENSIONS:
        raise UnusableFrameError(f"it holds {type(pixels).__name__} with {len(shape)} dimensions")
    color = color_of(value) if len(shape) == _COLOR_DIMENSIONS else ""
    if codec:
        payload = pixels.view(np.uint8)
        form = _compressed_format(value, codec, shape, color, payload)
        return Frame(form, unique_id, stamp or received, received, payload)
    form, nbytes = _raw_format(shape, pixels.dtype.str, color)
    if nbytes != pixels.nbytes:
        raise UnusableFrameError(f"a frame announces {form} and brings {pixels.nbytes} bytes")
    return Frame(form, unique_id, stamp or received, received, pixels)


def frame_of_scalar_array(value: Value, number: int) -> Frame | None:
    """The frame of one dimension in an NTScalarArray, None if it is empty. Raises UnusableFrameError.

    The structure has no id: `number` becomes the frame's. Booleans are kept as bytes of 0 and 1.
    """
    received = time.time_ns()
    numbers = value["value"]
    if not isinstance(numbers, np.ndarray):
        raise UnusableFrameError("it holds an array of text, not of numbers")
    if not numbers.size:
        return None
    if numbers.dtype.kind == "b":
        numbers = numbers.view(np.uint8)
    stamp = 0
    if value.has("timeStamp"):
        stamp = value["timeStamp.secondsPastEpoch"] * _NS + value["timeStamp.nanoseconds"]
    return Frame(FrameFormat(numbers.shape, numbers.dtype.str), number, stamp or received, received, numbers)


@lru_cache(maxsize=8)
def _raw_format(shape: tuple[int, ...], dtype: str, color: str) -> tuple[FrameFormat, int]:
    """The format and its bytes: the same object for every frame of a run."""
    form = FrameFormat(shape, dtype, color=color)
    return form, form.nbytes


def _compressed_format(
    value: Value, codec: str, shape: tuple[int, ...], color: str, payload: NDArray[np.uint8]
) -> FrameFormat:
    parameters = value["codec.parameters"] if value.has("codec.parameters") else None
    dtype = _SCALAR_TYPES.get(parameters) if isinstance(parameters, int) else None
    if dtype is None:
        raise UnusableFrameError(
            f"its frames are compressed with {codec} and do not tell their pixels' type in codec.parameters"
        )
    raw = FrameFormat(shape, dtype, color=color)
    announced = value["uncompressedSize"] if value.has("uncompressedSize") else raw.nbytes
    if announced != raw.nbytes:
        raise UnusableFrameError(f"a frame announces {raw} and {announced} bytes uncompressed")
    try:
        return FrameFormat(shape, dtype, codec_of(codec, payload, raw.nbytes), color)
    except CodecError as problem:
        raise UnusableFrameError(str(problem)) from problem
