"""The data file of one detector in one run: HDF5, open for SWMR readers from the first frame, readable alone.

Layout, N frames of Y rows and X columns (any shape of up to four dimensions is kept as it comes)::

    /                        NXroot   @default = "entry"
    /entry                   NXentry  @default = "data"; @title
    /entry/data              NXdata   @signal = "data"
    /entry/data/data         (N, Y, X), one chunk for each frame; @units, @interpretation = "image", @long_name;
                             colour images: @color_mode as areaDetector calls it, RGB1 is "rgb-image"
    /entry/data/unique_id    (N) int64, the detector's own number of each frame
    /entry/data/time_stamp   (N) int64, the detector's time stamp; @units = "ns", @start = "1970-01-01T00:00:00Z"
    /entry/data/receive_time (N) int64, when the frame came off the wire; the same attributes

Frames stand in the order in which they came. Where no frame came, `data` is an empty one-dimensional dataset.
Times are UTC. References: NeXus NXdata and NXlog; HDF5 SWMR user's guide.
"""

from __future__ import annotations

import errno
import grp
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beamsession.model.data_layout import OWN_LAYOUT
from beamsession.model.detector import Compression
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from beamsession.record.allocation import Ahead, give_back
from beamsession.record.compression import Chunk, dataset_options, encoder
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.lockfile import LockFile
from beamsession.record.passthrough import chunk_of, filter_options
from beamsession.record.refusal import disk_words

ENTRY = "/entry"
GROUP = "/entry/data"
DATA = OWN_LAYOUT.data
UNIQUE_ID = "/entry/data/unique_id"
TIME_STAMP = "/entry/data/time_stamp"
RECEIVE_TIME = "/entry/data/receive_time"
EPOCH_START = "1970-01-01T00:00:00Z"

_PER_FRAME = (UNIQUE_ID, TIME_STAMP, RECEIVE_TIME)
_CHUNK = 4096  # numbers in a chunk of the datasets beside the frames
_ALIGNED_FROM = 1 << 16
_PAGE = 4096
_IMAGE_DIMENSIONS = 2
_COLOR_LAST = "RGB1"  # red, green, blue of a pixel stand together, as NXdata wants it


def reserve(path: Path, rules: FileRules) -> None:
    """Create the file, empty, so that nobody else can; an existing one is not touched.

    Raises RefusedError: FILE_EXISTS, DISK_FULL, ROOT_NOT_WRITABLE.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, rules.file_mode)
    except FileExistsError:
        raise RefusedError(
            f"The data file {path} exists already; nothing is ever overwritten.",
            code="FILE_EXISTS",
            value=str(path),
            remedy="Move the file away if it does not belong there, then start the run again.",
        ) from None
    except OSError as problem:
        raise creation_error(path, problem) from problem
    try:
        os.fchmod(descriptor, rules.file_mode)
        if rules.group is not None:
            os.fchown(descriptor, -1, grp.getgrnam(rules.group).gr_gid)
    except (OSError, KeyError) as problem:
        path.unlink()
        raise RefusedError(
            f"The data file {path} cannot be given to the group {rules.group}: {problem}.",
            code="ROOT_NOT_WRITABLE",
            value=rules.group,
            remedy="Name a group the recorder's account belongs to, or leave the group out of the configuration.",
        ) from problem
    finally:
        os.close(descriptor)


def claim(path: Path, rules: FileRules) -> LockFile:
    """Create the file, empty, and hold the lock beside it, which is to be released when the file is closed.

    Raises RefusedError: FILE_LOCKED, and what `reserve` raises.
    """
    try:
        lock = LockFile.hold(path)
    except OSError as problem:
        raise creation_error(path, problem) from problem
    try:
        reserve(path, rules)
    except BaseException:
        lock.release()
        raise
    return lock


def creation_error(path: Path, problem: OSError) -> RefusedError:
    """The error for a data file that could not be created."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return RefusedError(
            f"The disk of {path.parent} is full.",
            code="DISK_FULL",
            value=str(path),
            remedy="Free some space, then start the run again.",
        )
    return RefusedError(
        f"The data file {path} cannot be created: {disk_words(problem)}.",
        code="ROOT_NOT_WRITABLE",
        value=str(path),
        remedy="Check that the folder exists and that the recorder's account may write there.",
    )


class DataFile:
    """An open data file. Frames are acknowledged by `flush`: what was flushed survives a crash of this process.

    Errors of the disk come out as OSError; the file must then not be touched any more, also not be closed.
    """

    def __init__(
        self,
        path: Path,
        form: FrameFormat | None,
        *,
        title: str,
        units: str,
        compression: Compression,
        level: int | None = None,
    ) -> None:
        self.format = form
        self.flushed = 0
        self._appended = 0
        self._numbers: list[tuple[int, int, int]] = []
        self._encode = encoder(compression, level)
        # Frames begin on page boundaries: the kernel then need not read a page to change a part of it.
        self._file = h5py.File(
            path,
            "w",
            libver="latest",
            locking="best-effort",
            alignment_threshold=_ALIGNED_FROM,
            alignment_interval=_PAGE,
        )
        self._describe(title)
        options = filter_options(form) if form and form.codec else dataset_options(compression, level)
        self._data = self._create_data(form, title, units, options)
        self._beside = tuple(self._create_numbers(name) for name in _PER_FRAME)
        self._file.swmr_mode = True
        self._file.flush()
        self._ahead = Ahead(self._file.id.get_vfd_handle(), 0 if form is None else form.nbytes)
        self._origin = () if form is None else (0,) * len(form.shape)

    def append(self, frame: Frame, chunk: Chunk | None = None) -> None:
        """Write one frame of the file's format behind the last; `chunk` is what compression has made of it already."""
        assert self.format is not None
        number = self._appended
        self._data.id.set_extent((number + 1, *self.format.shape))
        chunk = self._chunk(frame, chunk)
        self._ahead.grow(chunk.data.nbytes)
        self._data.id.write_direct_chunk((number, *self._origin), chunk.data, chunk.mask)
        self._numbers.append((frame.unique_id, frame.time_ns, frame.receive_ns))
        self._appended = number + 1

    def flush(self) -> None:
        """Make all frames visible to readers and safe from a crash of this process."""
        if self._numbers:
            self._append_numbers()
            # The numbers first: a reader who sees a frame finds its id.
            for dataset in (*self._beside, self._data):
                dataset.id.flush()
        self.flushed = self._appended

    def close(self) -> None:
        """Flush, close and bring the file to the disk itself."""
        self.flush()
        path = Path(self._file.filename)
        self._file.close()
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            give_back(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _chunk(self, frame: Frame, made: Chunk | None) -> Chunk:
        """The frame as it goes into the file; `made` is what compression has made of it already."""
        if frame.format.codec:
            mask, data = chunk_of(frame.format, frame.payload)
            return Chunk(np.frombuffer(data, np.uint8), mask)
        if made is not None:
            return made
        return Chunk(frame.payload) if self._encode is None else self._encode(frame)

    def _describe(self, title: str) -> None:
        self._file.attrs.update({"NX_class": "NXroot", "default": "entry"})
        entry = self._file.create_group(ENTRY)
        entry.attrs.update({"NX_class": "NXentry", "default": "data", "title": title})
        entry.create_group("data").attrs.update({"NX_class": "NXdata", "signal": "data"})

    def _create_data(self, form: FrameFormat | None, title: str, units: str, options: dict[str, Any]) -> h5py.Dataset:
        if form is None:
            data = self._file.create_dataset(DATA, shape=(0,), maxshape=(None,), dtype="u1", chunks=(_CHUNK,))
            data.attrs["note"] = "no frame came in this run"
        else:
            data = self._file.create_dataset(
                DATA,
                shape=(0, *form.shape),
                maxshape=(None, *form.shape),
                chunks=(1, *form.shape),
                dtype=form.dtype,
                fill_time="never",
                **options,
            )
            data.attrs["interpretation"] = _interpretation(form)
            if form.color:
                data.attrs["color_mode"] = form.color
        data.attrs.update({"units": units, "long_name": f"{title} ({units})"})
        return data

    def _create_numbers(self, name: str) -> h5py.Dataset:
        dataset = self._file.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(_CHUNK,), dtype=np.int64)
        if name != UNIQUE_ID:
            dataset.attrs.update({"units": "ns", "start": EPOCH_START})
        return dataset

    def _append_numbers(self) -> None:
        columns = np.array(self._numbers, dtype=np.int64).T
        for dataset, column in zip(self._beside, columns, strict=True):
            dataset.resize((self._appended,))
            dataset[self._appended - len(column) :] = column
        self._numbers.clear()


def _interpretation(form: FrameFormat) -> str:
    """NXdata's word for what a frame is."""
    if len(form.shape) < _IMAGE_DIMENSIONS:
        return "spectrum"
    return "rgb-image" if form.color == _COLOR_LAST else "image"
