"""Where the frames of a run are, read from its NeXus master, and how many are on disk by now.

Files are opened for a moment only and without locks: a recorder that has to mend one is never in our way, nor we in
its.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from beamsession.model.errors import UnavailableError

_INSTRUMENT = "/entry/instrument"


@dataclass(frozen=True)
class FramePlace:
    """The dataset of one detector; `grows` if its length tells what is safely on disk while it is written."""

    detector: str
    file: Path
    dataset: str
    grows: bool


@dataclass(frozen=True)
class FrameFacts:
    """A dataset as it is now: `shape` and chunk of all frames, the first axis counts them."""

    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: str

    @property
    def count(self) -> int:
        """Frames on disk."""
        return self.shape[0]


def frame_places(master: Path) -> list[FramePlace]:
    """The detectors of the run with this master; UnavailableError FILES_NOT_VISIBLE where it cannot be read here."""
    try:
        with h5py.File(master, "r", locking=False) as file:
            instrument: Any = file[_INSTRUMENT]
            found = [_place(master, name, instrument[name]) for name in instrument if _is_detector(instrument, name)]
    except (OSError, KeyError) as problem:
        raise UnavailableError(
            f"The run's file {master} cannot be read on this host: {problem}.",
            code="FILES_NOT_VISIBLE",
            value=str(master),
            remedy="Make the data root visible here, or record with documents=False.",
        ) from problem
    return [place for place in found if place is not None]


def frame_facts(place: FramePlace) -> FrameFacts | None:
    """The dataset as readers see it now; None as long as there is no frame, or its file cannot be opened."""
    for swmr in (True, False):
        try:
            with h5py.File(place.file, "r", libver="latest", swmr=swmr, locking=False) as file:
                data: Any = file[place.dataset]
                if not data.shape or not data.shape[0] or data.dtype.kind not in "biufc":
                    return None
                return FrameFacts(data.shape, data.chunks or data.shape, data.dtype.str)
        except (OSError, KeyError, ValueError):
            continue
    return None


def _is_detector(instrument: Any, name: str) -> bool:
    group = instrument.get(name)
    nx_class = getattr(group, "attrs", {}).get("NX_class", "")
    return isinstance(group, h5py.Group) and nx_class in ("NXdetector", b"NXdetector")


def _place(master: Path, name: str, group: h5py.Group) -> FramePlace | None:
    link: Any = group.get("data", getlink=True)
    if not isinstance(link, h5py.ExternalLink):
        return None
    is_ours, is_table = ("receive_time" in group.keys()), ("first_row" in group.keys())  # noqa: SIM118 - h5py's `in` follows links
    return FramePlace(name, master.parent / link.filename, link.path, grows=is_ours and not is_table)
