"""Diffraction rings as a pixel detector sees them: made once, then only shifted in noise and brightness.

Making a megapixel of noise takes longer than a fast detector has between two frames. So the pattern and one
field of noise are computed when the bank is built; frames differ by how far the noise is rolled and by the
beam's intensity. A frame is computed again only when the intensity has changed since it was last shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamsim.pixels import PixelType

VARIANTS = 8
"""Pixel [0, 0] of a frame holds its unique id modulo this, so a reader can prove which frame it has got."""

PEAK_POSITION = 2.5
"""Position of the first motor (mm) at which the sample is in the beam."""

PEAK_WIDTH = 0.4
"""Standard deviation (mm) of that peak."""

_BACKGROUND_COUNTS = 4.0
_RINGS = ((0.25, 0.45), (0.42, 0.30), (0.58, 0.22), (0.80, 0.12))  # (radius, height) in half sizes, of the peak
_RING_WIDTH = 0.012
_NOISE_LIMIT = 4.0


def beam_intensity(position: float) -> float:
    """Share of full intensity (0.02 to 1) with the first motor at this position (mm)."""
    return 0.02 + 0.98 * math.exp(-0.5 * ((position - PEAK_POSITION) / PEAK_WIDTH) ** 2)


@dataclass(frozen=True, slots=True)
class FrameShape:
    """What decides how large a frame is."""

    width: int
    height: int
    pixel: PixelType = PixelType.UINT16

    @property
    def nbytes(self) -> int:
        """Size of the pixels in memory."""
        return self.width * self.height * self.pixel.dtype.itemsize


class FrameBank:
    """Frames of one shape, handed out by unique id; not for several threads at once."""

    def __init__(self, shape: FrameShape, seed: int = 1) -> None:
        self.shape = shape
        self._pattern = _rings(shape.width, shape.height) * np.float32(shape.pixel.brightest)
        noise = np.random.default_rng(seed).standard_normal(self._pattern.shape, dtype=np.float32)
        self._noise = np.clip(noise, -_NOISE_LIMIT, _NOISE_LIMIT)
        self._intensity = math.nan
        self._signal = self._root = self._pattern
        self._frames: dict[int, tuple[float, NDArray]] = {}

    def frame(self, unique_id: int, intensity: float) -> NDArray:
        """Frame of shape (height, width), read-only; the same array again while nothing has changed."""
        variant = unique_id % VARIANTS
        made_at, frame = self._frames.get(variant, (math.nan, None))
        if frame is None or made_at != intensity:
            frame = self._render(variant, intensity)
            self._frames[variant] = (intensity, frame)
        return frame

    def _render(self, variant: int, intensity: float) -> NDArray:
        if intensity != self._intensity:
            self._intensity = intensity
            self._signal = self._pattern * np.float32(intensity) + np.float32(_BACKGROUND_COUNTS)
            self._root = np.sqrt(self._signal)
        shifted = np.roll(self._noise.ravel(), variant * 7919).reshape(self._noise.shape)
        counts = np.maximum(self._signal + self._root * shifted, 0)
        frame = counts.astype(self.shape.pixel.dtype)
        frame[0, 0] = variant
        frame.flags.writeable = False
        return frame


def _rings(width: int, height: int) -> NDArray[np.float32]:
    """Direct beam and four rings, brightest point 1; shape (height, width)."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = np.hypot(x, y)
    pattern = np.exp(-0.5 * (radius / 0.04) ** 2)
    for centre, brightness in _RINGS:
        pattern += brightness * np.exp(-0.5 * ((radius - centre) / _RING_WIDTH) ** 2)
    pattern += 0.05 * np.exp(-2 * radius)
    return (pattern / pattern.max()).astype(np.float32)
