"""The file that NDFileHDF5 writes with its default layout."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from beamsim.areadetector.camera import NDArray16

_EPICS_EPOCH = 631_152_000  # 1990-01-01T00:00:00Z
_ATTRIBUTES = {
    "NDArrayUniqueId": np.int32,
    "NDArrayTimeStamp": np.float64,
    "NDArrayEpicsTSSec": np.uint32,
    "NDArrayEpicsTSnSec": np.uint32,
}
_FOLDER = "/entry/instrument/NDAttributes"


class Hdf5File:
    """Frames of one size. What belongs to a frame beside its pixels is written in steps of `attribute_chunk` frames."""

    def __init__(self, path: Path, frame: NDArray16, *, swmr: bool, attribute_chunk: int = 16) -> None:
        self.frames = 0
        self.swmr = swmr
        self._attribute_chunk = attribute_chunk
        self._waiting: list[tuple[float, ...]] = []
        self._file = h5py.File(path, "w", libver=("v110", "v110"))
        entry = self._file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_group("data")
        data.attrs["NX_class"] = "NXdata"
        shape = frame.pixels.shape
        self._data = data.create_dataset(
            "data", (0, *shape), np.uint16, chunks=(1, *shape), maxshape=(None, *shape), fillvalue=0
        )
        self._data.attrs["signal"] = 1
        folder = self._file.create_group(_FOLDER)
        folder.attrs["NX_class"] = "NXcollection"
        self._attributes = [
            folder.create_dataset(name, (0,), kind, chunks=(attribute_chunk,), maxshape=(None,))
            for name, kind in _ATTRIBUTES.items()
        ]
        if swmr:
            self._file.swmr_mode = True

    def write(self, frame: NDArray16) -> None:
        """Append one frame."""
        self._data.resize(self.frames + 1, axis=0)
        self._data[self.frames] = frame.pixels
        self.frames += 1
        stamp = frame.time - _EPICS_EPOCH
        self._waiting.append((frame.unique_id, stamp, int(stamp), int(stamp % 1 * 1e9)))
        if len(self._waiting) == self._attribute_chunk:
            self._write_attributes()

    def flush(self) -> None:
        """Let readers see what was written."""
        self._file.flush()

    def close(self) -> None:
        """Write what waits, and close."""
        self._write_attributes()
        self._file.close()

    def _write_attributes(self) -> None:
        if not self._waiting:
            return
        for dataset, values in zip(self._attributes, zip(*self._waiting, strict=True), strict=True):
            before = dataset.shape[0]
            dataset.resize(before + len(values), axis=0)
            dataset[before:] = values
        self._waiting.clear()
