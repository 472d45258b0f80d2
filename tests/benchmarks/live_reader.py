"""The reader of the latency benchmark: a process of its own that follows a run while it is written.

`python live_reader.py FILE DETECTOR FRAMES OPENS` follows DETECTOR in FILE, a master or a data file, until FRAMES
frames are seen, then prints JSON: the seconds from the detector's time stamp of each frame until its pixels were read
here, and how many of OPENS openings beside that, each of which reads the newest frame, succeeded.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (reading compressed frames)

_POLL_S = 0.002
_NS = 1e9


def main() -> None:
    path, detector, frames, opens = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    latencies: list[float] = []
    tried = succeeded = 0
    print("ready", flush=True)
    while not latencies:
        with suppress(OSError), h5py.File(path, "r", swmr=True) as file:
            data, stamps = _datasets(file, detector)
            while len(latencies) < frames:
                fresh = _look(data, stamps, len(latencies))
                latencies += fresh
                if fresh and tried < opens and len(latencies) * opens >= tried * frames:
                    tried += 1
                    succeeded += _opens(path, detector)
                if not fresh:
                    time.sleep(_POLL_S)
    while tried < opens:
        tried += 1
        succeeded += _opens(path, detector)
    print(json.dumps({"latencies": latencies, "opened": succeeded}), flush=True)


def _look(data: Any, stamps: Any, seen: int) -> list[float]:
    """Read what is new."""
    data.refresh()
    count = len(data)
    if count == seen:
        return []
    stamps.refresh()
    for index in range(seen, count):
        data[index]
    now = time.time()
    return [now - stamp / _NS for stamp in stamps[seen:count]]


def _opens(path: str, detector: str) -> bool:
    try:
        with h5py.File(path, "r", swmr=True) as file:
            data, stamps = _datasets(file, detector)
            return len(data) > 0 and len(stamps) >= len(data) and data[len(data) - 1].size > 0
    except (OSError, KeyError) as problem:
        print(f"an opening failed: {problem}", file=sys.stderr)
        return False


def _datasets(file: h5py.File, detector: str) -> tuple[Any, Any]:
    group = f"/entry/instrument/{detector}" if f"/entry/instrument/{detector}" in file else "/entry/data"
    return file[f"{group}/data"], file[f"{group}/time_stamp"]


main()
