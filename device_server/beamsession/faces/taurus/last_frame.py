"""The last frame of a run, read from its file as any live reader does: the recorder is not asked."""

from __future__ import annotations

import errno
import posixpath
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  # frames may be compressed
import numpy as np
from numpy.typing import NDArray

from beamsession.model.errors import NotFoundError, RefusedError
from beamsession.quicklook.frames import Frames, Kind, frames_of
from beamsession.quicklook.picture import shrunk
from beamsession.quicklook.signals import Found, Signal, find, is_array, text_of

MOST_PIXELS = 1024
_MOST_BYTES = 1 << 28
_MOST_VALUES = 2000
_CONTRAST = (1.0, 99.8)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class LastFrame:
    """A frame to show: `values` are (rows, columns), (rows, columns, 3), or a curve of one dimension, as floats.

    `number` counts from 1, `count` frames are there; both are 0 where none is yet. `shape` is that of the frame as it
    was recorded, `levels` what is to be black and white. Of single values, `values` are the newest ones.
    """

    detector: str
    kind: Kind
    values: NDArray[np.float64]
    number: int = 0
    count: int = 0
    shape: tuple[int, ...] = ()
    levels: tuple[float, float] = (0.0, 1.0)
    time: datetime | None = None
    units: str = ""


def last_frame(path: Path, detector: str = "", *, live: bool = False) -> LastFrame:
    """The newest frame of `detector` ("": the first that there is) in the run of this master.

    The file is opened, read and closed again: a run that breaks off can be mended. Raises NotFoundError (FILE_NOT_SEEN,
    NO_FRAMES), RefusedError (UNREADABLE, FRAME_TOO_LARGE).
    """
    if not path.exists():
        raise NotFoundError(
            f"{path} is not seen from this host.",
            code="FILE_NOT_SEEN",
            value=str(path),
            remedy="Mount the data disk here under the same path to have the picture.",
        )
    try:
        with h5py.File(path, "r", swmr=live) as file:
            return _newest(_signal(find(file), detector))
    except (OSError, RuntimeError, KeyError) as fault:
        if getattr(fault, "errno", None) == errno.EACCES:
            remedy = "Ask for the right to read it."
        elif live:
            remedy = "It is tried again with the next frame."
        else:
            remedy = "Open it with the program that wrote it."
        raise RefusedError(f"{path.name} cannot be read now.", code="UNREADABLE", remedy=remedy) from fault


def _signal(found: Found, detector: str) -> Signal:
    for signal in found.signals:
        if signal.name == detector or not detector:
            return signal
    raise NotFoundError(
        f"There are no frames of '{detector}' in this run." if detector else "There are no frames in this run.",
        code="NO_FRAMES",
        value=detector,
        remedy="Choose another detector, or wait for its first frame.",
    )


def _newest(signal: Signal) -> LastFrame:
    frames = frames_of(signal.dataset, signal.interpretation)
    if frames.frame_bytes > _MOST_BYTES:
        raise RefusedError(
            f"A frame of '{signal.name}' has {frames.frame_bytes >> 20} MiB, too much for a live picture.",
            code="FRAME_TOO_LARGE",
            remedy="Look at its quick look after the run.",
        )
    if not frames.count:
        return LastFrame(signal.name, frames.kind, np.empty(0), shape=frames.shape, units=signal.units)
    values = _values(frames)
    return LastFrame(
        detector=signal.name,
        kind=frames.kind,
        values=values,
        number=frames.count,
        count=frames.count,
        shape=frames.shape,
        levels=_levels(values),
        time=_time(signal.dataset, frames.count - 1),
        units=signal.units,
    )


def _values(frames: Frames) -> NDArray[np.float64]:
    if frames.kind is Kind.VALUES:
        return np.asarray(frames.dataset[-_MOST_VALUES:], np.float64)
    frame = np.asarray(frames.read(frames.count - 1))
    if frames.kind is Kind.COLOURS:
        return np.stack([shrunk(_floats(frame[..., channel]), MOST_PIXELS) for channel in range(3)], axis=-1)
    return shrunk(_floats(frame), MOST_PIXELS) if frames.kind is Kind.IMAGES else _floats(frame)


def _floats(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _levels(values: NDArray[np.float64]) -> tuple[float, float]:
    valid = values[np.isfinite(values)]
    if not valid.size:
        return 0.0, 1.0
    low, high = np.percentile(valid, _CONTRAST)
    if not high > low:
        low, high = float(valid.min()), float(valid.max())
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def _time(dataset: h5py.Dataset, index: int) -> datetime | None:
    """When the frame was taken, by the detector's clock, where that is kept beside the frames."""
    name = posixpath.join(posixpath.dirname(str(dataset.name)), "time_stamp")
    stamps = dataset.file.get(name)
    if not is_array(stamps) or index >= len(stamps):
        return None
    scale = _SECONDS.get(text_of(stamps.attrs.get("units")))
    seconds = float(stamps[index]) * scale if scale else 0.0
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 1e11 else None
