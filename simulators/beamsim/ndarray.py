"""Frames as NTNDArray values, built once for each frame of a bank and then only given a new id and time.

Normative type: epics:nt/NTNDArray:1.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from p4p import Value
from p4p.nt import NTNDArray

from beamsim.acquisition import Frame

_MONOCHROME = 0  # areaDetector's ColorMode
_UNION_MEMBER = {"uint8": "ubyteValue", "uint16": "ushortValue", "uint32": "uintValue"}
_TYPE = NTNDArray.buildType()


@dataclass(frozen=True, slots=True)
class FrameAttributes:
    """What is told with each frame, beside its pixels."""

    exposure: float
    """Seconds."""
    sample_position: float
    """Position of the first motor, mm."""
    beam_energy: float
    """keV."""


def empty_ndarray() -> Value:
    """What the image PV holds before the first frame: no pixels, no dimensions, id 0."""
    return Value(_TYPE, {"value": ("ubyteValue", np.zeros(0, np.uint8))})


class NDArrayBuilder:
    """Turns frames into values; a frame whose pixels were sent before costs no copy of them."""

    def __init__(self) -> None:
        self._built: dict[int, tuple[NDArray, FrameAttributes, Value]] = {}

    def build(self, frame: Frame, attributes: FrameAttributes) -> Value:
        """The value to post; it is changed by a later call, so post it before that."""
        image = frame.image
        variant = int(image[0, 0])
        known = self._built.get(variant)
        if known is not None and known[0] is image and known[1] == attributes:
            value = known[2]
        else:
            value = _assemble(image, attributes)
            self._built[variant] = (image, attributes, value)
        seconds = int(frame.time)
        nanoseconds = int((frame.time - seconds) * 1e9)
        value["uniqueId"] = frame.unique_id
        for stamp in ("dataTimeStamp", "timeStamp"):
            value[f"{stamp}.secondsPastEpoch"] = seconds
            value[f"{stamp}.nanoseconds"] = nanoseconds
            value[f"{stamp}.userTag"] = frame.unique_id
        return value


def _assemble(image: NDArray, attributes: FrameAttributes) -> Value:
    height, width = image.shape
    return Value(
        _TYPE,
        {
            "value": (_UNION_MEMBER[image.dtype.name], image.ravel()),
            "compressedSize": image.nbytes,
            "uncompressedSize": image.nbytes,
            "dimension": [_dimension(width), _dimension(height)],
            "attribute": [
                _attribute("ColorMode", _MONOCHROME, "0 = monochrome"),
                _attribute("AcquireTime", attributes.exposure, "exposure in s"),
                _attribute("SamplePosition", attributes.sample_position, "first motor in mm"),
                _attribute("BeamEnergy", attributes.beam_energy, "photon energy in keV"),
            ],
        },
    )


def _dimension(size: int) -> dict[str, int | bool]:
    return {"size": size, "offset": 0, "fullSize": size, "binning": 1, "reverse": False}


def _attribute(name: str, value: float, description: str) -> dict[str, object]:
    return {"name": name, "value": value, "descriptor": description, "source": "simulation"}
