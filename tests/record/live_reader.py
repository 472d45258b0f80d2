"""A program that follows a data file while it is written, as a user's would: `live_reader <file> <data> <ids> <more>`.

`data` and `ids` are paths in the file, `more` is how many frames beyond those of the first look it waits for. Each look
opens the file anew, in SWMR mode and with the library's own locking. It prints one JSON line: how often it opened the
file, what failed, and how many frames it saw each time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_LOOKS = 100
_LONGEST_S = 60.0


def look(file: Path, data_path: str, ids_path: str) -> int:
    """How many frames are there; AssertionError if one is not what it should be."""
    with h5py.File(file, "r", swmr=True) as opened:
        data: Any = opened[data_path]
        ids: Any = opened[ids_path]
        count = len(data)
        # The ids are flushed first: who sees a frame finds its id.
        assert len(ids) >= count, f"{len(ids)} ids for {count} frames"
        for number in {0, count // 2, count - 1} if count else set():
            assert np.all(data[number] == ids[number] % 251), f"frame {number} is not whole"
        return count


def main(arguments: list[str]) -> None:
    """Look at least a hundred times, and until so many more frames are seen."""
    file, data_path, ids_path, more = Path(arguments[0]), arguments[1], arguments[2], int(arguments[3])
    seen: list[int] = []
    failures: list[str] = []
    until = time.monotonic() + _LONGEST_S
    while (len(seen) + len(failures) < _LOOKS or not seen or seen[-1] < seen[0] + more) and time.monotonic() < until:
        try:
            seen.append(look(file, data_path, ids_path))
        except (OSError, KeyError, AssertionError, RuntimeError) as problem:
            failures.append(f"{type(problem).__name__}: {problem}")
    print(json.dumps({"opened": len(seen), "failures": failures, "seen": seen}))


if __name__ == "__main__":
    main(sys.argv[1:])
