"""Small line plots: panels below each other, with numbers at the ends of their axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beamsession.quicklook.series import Curve

_MARGIN = 76, 24, 14, 22  # left, top, right, bottom
_PAPER, _INK, _GRID, _LINE, _BAND = "#ffffff", "#222222", "#bbbbbb", "#1f4e9c", "#b9cbe8"
_FONT_SIZE = 12
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Panel:
    """One plot: the band is what lies between the curve's `low` and `high`."""

    title: str
    x_label: str
    curve: Curve


def plots(panels: Sequence[Panel], *, width: int, height: int) -> Image.Image:
    """All panels in one picture, each `width` by `height` pixels."""
    image = Image.new("RGB", (width, height * len(panels)), _PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE)
    for number, panel in enumerate(panels):
        _panel(draw, font, panel, number * height, width, height)
    return image


def _panel(draw: ImageDraw.ImageDraw, font: _Font, panel: Panel, top: int, width: int, height: int):
    left, above, beside, below = _MARGIN
    box = (left, top + above, width - beside, top + height - below)
    draw.rectangle(box, outline=_GRID)
    draw.text((left, top + 5), panel.title, fill=_INK, font=font)
    if not panel.curve.has_values:
        draw.text((left + 8, box[1] + 8), "no valid values", fill=_INK, font=font)
        return
    x_range = _range(panel.curve.x)
    y_range = _range(np.concatenate([panel.curve.low, panel.curve.high]))
    columns = _scaled(panel.curve.x, x_range, box[0] + 1, box[2] - 1)
    low, middle, high = (
        _scaled(line, y_range, box[3] - 2, box[1] + 2)
        for line in (panel.curve.low, panel.curve.middle, panel.curve.high)
    )
    points: list[tuple[float, float]] = []
    for x, lowest, y, highest in zip(columns, low, middle, high, strict=True):
        if not math.isfinite(y):
            _line(draw, points)
            points = []
            continue
        draw.line((x, lowest, x, highest), fill=_BAND)
        points.append((float(x), float(y)))
    _line(draw, points)
    for text, y in ((y_range[1], box[1]), (y_range[0], box[3])):
        draw.text((left - 6, y), _number(text), fill=_INK, font=font, anchor="rm")
    draw.text((box[0], box[3] + 4), _number(x_range[0]), fill=_INK, font=font)
    draw.text((box[2], box[3] + 4), _number(x_range[1]), fill=_INK, font=font, anchor="ra")
    draw.text(((box[0] + box[2]) / 2, box[3] + 4), panel.x_label, fill=_INK, font=font, anchor="ma")


def _line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]]) -> None:
    if len(points) == 1:
        x, y = points[0]
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_LINE)
    elif points:
        draw.line(points, fill=_LINE, width=1)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    valid = values[np.isfinite(values)]
    low, high = (float(valid.min()), float(valid.max())) if valid.size else (0.0, 1.0)
    return low, high


def _scaled(values: NDArray[np.float64], ends: tuple[float, float], first: float, last: float) -> NDArray[np.float64]:
    """`values` between `ends` as pixels from `first` to `last`; in the middle where there is only one value."""
    low, high = ends
    if not high > low:
        return np.where(np.isfinite(values), (first + last) / 2, np.nan)
    # Halves first: the range of two large floats of opposite sign may not fit into a float.
    return first + (values / 2 - low / 2) / (high / 2 - low / 2) * (last - first)


def _number(value: float) -> str:
    return f"{value:.4g}"
