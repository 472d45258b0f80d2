"""What is safe in the data file of a writer that died: wait for its lock, mend it, count its frames."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import h5py

from beamsession.model.completeness import Completeness, IdTally, account
from beamsession.model.errors import BeamsessionError
from beamsession.record.datafile import UNIQUE_ID
from beamsession.record.lockfile import LockFile
from beamsession.record.mend import Mended, mend

_PAUSE_S = 0.1


@dataclass(frozen=True)
class Salvaged:
    """What a file holds: `ids` in the order of its frames; `problem` tells why it could not be looked at."""

    ids: tuple[int, ...] = ()
    problem: str = ""

    @property
    def frames(self) -> int:
        """How many frames are safe."""
        return len(self.ids)

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
        return account(
            known.detector,
            tally,
            written=self.frames,
            expected=known.expected,
            dropped_by_detector=known.dropped_by_detector,
            interruptions=known.interruptions,
        )


def salvage(data_file: Path, patience_s: float) -> Salvaged:
    """Make `data_file` readable once no process writes it, and look what is in it.

    A writer without its parent drains and closes by itself: it gets `patience_s` seconds, and the file of one that
    lives longer is left alone.
    """
    try:
        if make_readable(data_file, patience_s).empty:
            return Salvaged()
        return Salvaged(ids=_ids(data_file))
    except BeamsessionError as fault:
        return Salvaged(problem=fault.text)
    except (OSError, KeyError) as fault:
        return Salvaged(problem=f"{data_file} cannot be read ({fault}).")


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
