"""A dataset as a row of frames: what a frame of it is, and how one is read without the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import h5py
import numpy as np
from numpy.typing import NDArray

_COLOURS = (3, 4)
_IMAGE_RANK = 2


class Kind(StrEnum):
    """What a frame is."""

    IMAGES = "images"
    COLOURS = "colour images"
    SPECTRA = "spectra"
    VALUES = "values"


@dataclass(frozen=True)
class Frames:
    """`count` frames of `shape`; `colour_axis` is that of a colour image's red, green and blue, counted from the end.

    All dimensions in front of the frame's own count frames, the last of them fastest.
    """

    dataset: h5py.Dataset
    kind: Kind
    count: int
    shape: tuple[int, ...]
    colour_axis: int = 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame, unpacked."""
        return math.prod(self.shape) * self.dataset.dtype.itemsize

    def read(self, index: int) -> NDArray[np.generic]:
        """One frame; colour images as (rows, columns, 3). Raises OSError where it cannot be read or unpacked."""
        outer = self.dataset.shape[: self.dataset.ndim - len(self.shape)]
        place = np.unravel_index(index, outer) if outer else ()
        frame: NDArray[np.generic] = self.dataset[tuple(int(number) for number in place)]
        if frame.dtype.kind == "b":
            frame = frame.astype(np.uint8)
        if self.kind is Kind.COLOURS:
            return np.moveaxis(frame, self.colour_axis, -1)[..., :3]
        return frame


def frames_of(dataset: h5py.Dataset, interpretation: str = "") -> Frames:
    """How the dataset is read: by NeXus' `interpretation` where it says so, by its number of dimensions otherwise.

    One dimension: a value each; two: spectra; three and more: images, colour ones where one of the last three
    dimensions of at least four has the length 3 or 4.
    """
    shape, rank = dataset.shape, dataset.ndim
    kind, own, colour_axis = _form(shape, rank, interpretation)
    count = math.prod(shape[: rank - own])
    if math.prod(shape[rank - own :]) == 0:
        count = 0
    return Frames(dataset, kind, count, tuple(shape[rank - own :]), colour_axis)


def _form(shape: tuple[int, ...], rank: int, interpretation: str) -> tuple[Kind, int, int]:
    """Kind, number of a frame's own dimensions, colour axis."""
    if interpretation == "spectrum":
        return Kind.SPECTRA, 1, 0
    if rank == 1:
        return Kind.VALUES, 0, 0
    if rank == _IMAGE_RANK and interpretation != "image":
        return Kind.SPECTRA, 1, 0
    is_colour = interpretation.startswith("rgb") or rank > _IMAGE_RANK + 1
    if is_colour and (axis := _colour_axis(shape)):
        return Kind.COLOURS, 3, axis
    return Kind.IMAGES, 2, 0


def _colour_axis(shape: tuple[int, ...]) -> int:
    """Of the last three dimensions: areaDetector's RGB1, RGB3, RGB2; 0 if none is one of colours."""
    for axis in (-1, -3, -2):
        if len(shape) >= 3 and shape[axis] in _COLOURS:
            return axis
    return 0
