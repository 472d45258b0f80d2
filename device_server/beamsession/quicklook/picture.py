"""An array as a picture that a person can read: shrunk, with a contrast that single hot pixels do not spoil."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]
_INVALID = 0


def grey(image: Array, *, size: int, percentiles: tuple[float, float], log: bool) -> Image.Image:
    """(rows, columns) with NaN for pixels without a value, which are black, as 8-bit grey; `size`: longest side."""
    return Image.fromarray(_bytes(shrunk(image, size), percentiles, log))


def colour(image: Array, *, size: int, percentiles: tuple[float, float], log: bool) -> Image.Image:
    """(rows, columns, 3) as 24-bit colour; the contrast is that of all three together, so that hues stay."""
    small = np.stack([shrunk(image[..., channel], size) for channel in range(3)], axis=-1)
    return Image.fromarray(_bytes(small, percentiles, log))


def shrunk(image: Array, size: int | tuple[int, int]) -> Array:
    """The means of equal blocks, `size` rows and columns at most; one factor for both unless two sizes are given."""
    if isinstance(size, tuple):
        factors = tuple(-(-length // most) for length, most in zip(image.shape, size, strict=True))
    else:
        factors = (-(-max(image.shape) // size),) * 2
    if factors == (1, 1):
        return image
    lines = [_block_mean(image[top : top + factors[0]], factors[1]) for top in range(0, image.shape[0], factors[0])]
    return np.array(lines)


def _block_mean(rows: Array, factor: int) -> Array:
    starts = np.arange(0, rows.shape[1], factor)
    valid = np.isfinite(rows)
    total = np.add.reduceat(np.where(valid, rows, 0.0).sum(axis=0), starts)
    count = np.add.reduceat(valid.sum(axis=0), starts)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _bytes(image: Array, percentiles: tuple[float, float], log: bool) -> NDArray[np.uint8]:
    valid = np.isfinite(image)
    if not valid.any():
        return np.full(image.shape, _INVALID, np.uint8)
    if log:
        positive = image[valid & (image > 0)]
        floor = float(positive.min()) if positive.size else 1.0
        image = np.log10(np.maximum(np.where(valid, image, floor), floor))
    low, high = np.percentile(image[valid], percentiles)
    if not high > low:  # A few bright pixels on an even ground: then these are the picture.
        low, high = float(image[valid].min()), float(image[valid].max())
    span = high - low if high > low else 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN is replaced below.
        scaled = np.clip((image - low) / span, 0, 1) * 255
    return np.where(valid, scaled, _INVALID).round().astype(np.uint8)
