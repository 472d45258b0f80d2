"""What is safe in the data file of a writer that died: wait for its lock, mend it, count its frames.

A damaged file can end the process that reads it, and a dead disk freeze it: the recorder has this done by its scribe.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import h5py

from beamsession.model.completeness import Completeness, IdTally, account
from beamsession.model.data_layout import OWN_LAYOUT, DataLayout
from beamsession.model.errors import BeamsessionError
from beamsession.record.datafile import UNIQUE_ID
from beamsession.record.lockfile import LockFile
from beamsession.record.mend import Mended, mend

_PAUSE_S = 0.1
_NOT_IN_THE_FILE = ("skipped", "overruns", "renumbered", "disconnections", "doubt", "clock_offset")


@dataclass(frozen=True)
class Salvaged:
    """What a file holds: `ids` in the order of its frames; `problem` tells why it could not be looked at.

    `count` is the number of frames where not all of them have an id.
    """

    ids: tuple[int, ...] = ()
    problem: str = ""
    count: int | None = None

    @property
    def frames(self) -> int:
        """How many frames are safe."""
        return len(self.ids) if self.count is None else self.count

    def account(self, known: Completeness) -> Completeness:
        """`known` corrected by what is in the file; a file that could not be looked at changes nothing."""
        if self.problem:
            return known
        if known.received <= self.frames:
            return self._from_ids(known)
        gone = known.written - self.frames
        return known.model_copy(update={"written": self.frames, "missing": max(known.missing + gone, 0)})

    def _from_ids(self, known: Completeness) -> Completeness:
        tally = IdTally()
        for unique_id in self.ids:
            tally.add(unique_id)
        found = account(
            known.detector,
            tally,
            written=self.frames,
            expected=known.expected,
            dropped_by_detector=known.dropped_by_detector,
        )
        kept = _NOT_IN_THE_FILE
        if known.skipped or known.renumbered or tally.duplicates:
            # The file's ids alone do not tell a lost frame from one of a pause, nor one series of ids from the next.
            kept = (*kept, "duplicates", "disordered", "lost", "gaps", "gaps_cut")
        corrected = found.model_copy(update={"received": self.frames} | {name: getattr(known, name) for name in kept})
        return corrected.settled(written=self.frames, expected=known.expected)


def salvage(data_file: Path, patience_s: float, layout: DataLayout = OWN_LAYOUT) -> Salvaged:
    """Make `data_file` readable once no process writes it, and look what is in it.

    A writer without its parent drains and closes by itself: it gets `patience_s` seconds, and the file of one that
    lives longer is left alone. A file of another layout has another program for its writer. Nothing tells whether
    that one still lives, so its file is looked at and never mended.
    """
    try:
        if not layout.is_ours:
            return look_at(data_file, layout)
        if make_readable(data_file, patience_s).empty:
            return Salvaged()
        return Salvaged(ids=_ids(data_file))
    except BeamsessionError as fault:
        return Salvaged(problem=fault.text)
    except (OSError, RuntimeError, KeyError) as fault:
        return Salvaged(problem=f"{data_file} cannot be read ({fault}).")


def look_at(data_file: Path, layout: DataLayout) -> Salvaged:
    """What is in a file that another program wrote, or is still writing. Raises OSError, KeyError."""
    if not data_file.stat().st_size:
        return Salvaged()
    try:
        return _counted(data_file, layout, swmr=False)
    except (OSError, RuntimeError):
        return _counted(data_file, layout, swmr=True)  # Its writer is at work, or was killed.


def _counted(data_file: Path, layout: DataLayout, *, swmr: bool) -> Salvaged:
    with h5py.File(data_file, "r", swmr=swmr) as file:
        data = file[layout.data]
        assert isinstance(data, h5py.Dataset)
        ids = file.get(layout.unique_id) if layout.unique_id is not None else None
        known = ids[: len(data)] if isinstance(ids, h5py.Dataset) else ()
        return Salvaged(ids=tuple(int(unique_id) for unique_id in known), count=len(data))


def make_readable(data_file: Path, patience_s: float) -> Mended:
    """Wait up to `patience_s` for the writer of `data_file` to end, and mend it. Raises what `mend` raises."""
    deadline = time.monotonic() + patience_s
    while LockFile.is_held(data_file) and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
    return mend(data_file)


def _ids(data_file: Path) -> tuple[int, ...]:
    with h5py.File(data_file, "r") as file:
        dataset = file[UNIQUE_ID]
        assert isinstance(dataset, h5py.Dataset)
        return tuple(int(unique_id) for unique_id in dataset[()])
