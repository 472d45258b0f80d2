"""The quick look of one detector: numbers of its frames, and pictures of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beamsession.model.quick_look import QuickLookConfig
from beamsession.quicklook.frames import Frames, Kind, frames_of
from beamsession.quicklook.picture import colour, grey, shrunk
from beamsession.quicklook.plot import Panel, plots
from beamsession.quicklook.sampling import sampled
from beamsession.quicklook.series import POINTS, Curve, curve_of
from beamsession.quicklook.signals import Signal
from beamsession.quicklook.statistics import FrameNumbers, MeanFrame, numbers_of

Array = NDArray[np.float64]
_MIB = 1024 * 1024
_WIDTH, _HEIGHT = 640, 200
_NUMBERS = {"min": "minimum", "max": "maximum", "mean": "mean", "std": "std", "sum": "sum", "saturated": "saturated"}


@dataclass
class DetectorLook:
    """`facts` and `arrays` are JSON values; `pictures` by what they show. `complaint` is a sentence, or empty."""

    facts: dict[str, Any]
    arrays: dict[str, Any] = field(default_factory=dict[str, Any])
    pictures: dict[str, Image.Image] = field(default_factory=dict[str, Image.Image])
    complaint: str = ""


def look_at(signal: Signal, options: QuickLookConfig, progress: Callable[[float], None]) -> DetectorLook:
    """Look at one detector's data: a frame at a time, as many as the options allow."""
    frames = frames_of(signal.dataset, signal.interpretation)
    facts: dict[str, Any] = {
        "name": signal.name,
        "kind": frames.kind.value,
        "shape": list(signal.dataset.shape),
        "dtype": signal.dataset.dtype.name,
        "units": signal.units,
        "frames": frames.count,
        "sampled": 0,
    }
    look = DetectorLook(facts)
    if frames.count and frames.kind is Kind.VALUES:
        _look_at_values(look, signal)
    elif frames.count:
        _look_at_frames(look, frames, signal, options, progress)
    return look


def _look_at_values(look: DetectorLook, signal: Signal) -> None:
    try:
        curve = curve_of(signal.dataset)
    except (OSError, RuntimeError) as fault:
        look.complaint = _unreadable(signal, fault)
        return
    look.facts["sampled"] = look.facts["frames"]
    look.facts |= curve_numbers(curve)
    look.pictures["picture"] = plots([Panel(_title(signal), "number", curve)], width=_WIDTH, height=_HEIGHT)


def curve_numbers(curve: Curve) -> dict[str, float | None]:
    """Smallest, mean and largest value."""
    if not curve.has_values:
        return {"min": None, "max": None, "mean": None}
    numbers = {"min": np.nanmin(curve.low), "max": np.nanmax(curve.high), "mean": np.nanmean(curve.middle)}
    return {name: shown(float(number)) for name, number in numbers.items()}


def _look_at_frames(
    look: DetectorLook, frames: Frames, signal: Signal, options: QuickLookConfig, progress: Callable[[float], None]
) -> None:
    by_size = max(options.read_mib * _MIB // max(frames.frame_bytes, 1), 1)
    chosen = sampled(frames.count, min(options.frames, by_size))
    mean, rows = MeanFrame(), dict[int, Array]()
    numbers: dict[int, FrameNumbers] = {}
    end = time.monotonic() + options.read_s
    for done, index in enumerate(chosen):
        try:
            frame = frames.read(index)
        except (OSError, RuntimeError) as fault:
            look.complaint = look.complaint or _unreadable(signal, fault, index)
            continue
        numbers[index] = numbers_of(frame)
        mean.add(np.atleast_2d(frame))
        if frames.kind is Kind.SPECTRA:
            rows[index] = shrunk(_with_gaps(frame).reshape(1, -1), (1, POINTS))[0]
        progress((done + 1) / len(chosen))
        if time.monotonic() > end:
            break
    if not numbers:
        return
    numbers = dict(sorted(numbers.items()))
    look.facts["sampled"] = len(numbers)
    look.facts |= _overall(numbers)
    look.arrays["per_frame"] = {
        "index": list(numbers),
        **{name: [shown(getattr(item, of)) for item in numbers.values()] for name, of in _NUMBERS.items()},
    }
    _draw(look, frames.kind, signal, mean.result(), [rows[index] for index in sorted(rows)], options)
    if len(numbers) > 1:
        look.pictures["frames"] = _frame_plots(numbers)


def _draw(
    look: DetectorLook, kind: Kind, signal: Signal, mean: Array, rows: list[Array], options: QuickLookConfig
) -> None:
    style: dict[str, Any] = {"size": options.size, "percentiles": options.percentiles, "log": options.log}
    if kind is Kind.SPECTRA:
        look.pictures["picture"] = plots(
            [Panel(f"{_title(signal)}: mean spectrum", "channel", curve_of(mean[0]))], width=_WIDTH, height=_HEIGHT
        )
        if len(rows) > 1:
            tall = np.repeat(np.array(rows), max(_HEIGHT // len(rows), 1), axis=0)
            look.pictures["waterfall"] = grey(tall, **{**style, "size": max(options.size, POINTS)})
        return
    look.pictures["picture"] = colour(mean, **style) if kind is Kind.COLOURS else grey(mean, **style)
    flat = np.nanmean(mean, axis=-1) if kind is Kind.COLOURS and np.isfinite(mean).any() else mean
    flat = flat[..., 0] if flat.ndim > 2 else flat
    sums = {"rows": np.nansum(flat, axis=1), "columns": np.nansum(flat, axis=0)}
    curves = {name: curve_of(line) for name, line in sums.items()}
    look.arrays["projections"] = {
        name: {"position": curve.x.tolist(), "sum": [shown(value) for value in curve.middle.tolist()]}
        for name, curve in curves.items()
    }
    panels = [Panel(f"{_title(signal)}: sum of each of the {name}", name[:-1], curve) for name, curve in curves.items()]
    look.pictures["projections"] = plots(panels, width=_WIDTH, height=_HEIGHT)


def _frame_plots(numbers: dict[int, FrameNumbers]) -> Image.Image:
    x = np.array(list(numbers), np.float64)
    columns = {name: np.array([getattr(item, of) for item in numbers.values()], np.float64) for name, of in _SHOWN}
    panels = [Panel("mean of each frame", "frame", Curve(x, columns["mean"], columns["mean"], columns["mean"]))]
    panels.append(Panel("largest value of each frame", "frame", Curve(x, *[columns["max"]] * 3)))
    return plots(panels, width=_WIDTH, height=_HEIGHT)


_SHOWN = [(name, of) for name, of in _NUMBERS.items() if name in ("mean", "max")]


def _overall(numbers: dict[int, FrameNumbers]) -> dict[str, Any]:
    """Over all sampled frames; each counts the same in the mean."""
    items = [item for item in numbers.values() if np.isfinite(item.mean)]
    saturated = [item.saturated for item in numbers.values() if item.saturated is not None]
    return {
        "min": shown(min(item.minimum for item in items)) if items else None,
        "max": shown(max(item.maximum for item in items)) if items else None,
        "mean": shown(float(np.mean([item.mean for item in items]))) if items else None,
        "saturated": max(saturated) if saturated else None,
    }


def _with_gaps(frame: NDArray[np.generic]) -> Array:
    """A spectrum as float, infinities as gaps."""
    values = frame.astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def shown(value: float | int | None) -> float | int | None:
    """A number as JSON has it, to seven digits: nothing for NaN and infinities."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.7g}") if np.isfinite(value) else None


def _title(signal: Signal) -> str:
    return f"{signal.name} ({signal.units})" if signal.units else signal.name


def _unreadable(signal: Signal, fault: Exception, index: int | None = None) -> str:
    what = f"Frame {index} of '{signal.name}'" if index is not None else f"The data of '{signal.name}'"
    return f"{what} cannot be read ({' '.join(str(fault).split())})."
