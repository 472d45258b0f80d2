"""How fast a session's files are listed and read for their checksums, beside `sha256sum` on the same files.

Both out of the page cache, both with as many files at a time. Ours also lists the folder, cuts blocks and keeps
everything on the disk; `find` lists it for `sha256sum`, whose output is thrown away. Both have the lowest priority.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 3
GOAL = 0.8
LARGE_FILES, LARGE_SIZE = 20, 64 * 1024 * 1024
SMALL_FILES, SMALL_SIZES = 100_000, range(1000, 4000, 37)
AT_ONCE = 2
_TAKER = Path(__file__).with_name("checksum_taker.py")
_REFERENCE = f"find . -type f -print0 | nice -n 19 xargs -0 -n 500 -P {AT_ONCE} sha256sum > /dev/null"


def rows() -> list[dict[str, Any]]:
    """One row in MB/s of content, medians of runs in turns; none where there is no `sha256sum`."""
    if shutil.which("sha256sum") is None:
        print("checksums is left out: the program sha256sum is not installed.")
        return []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "session"
        megabytes = _fill(folder) / 1e6
        ours: list[dict[str, float]] = []
        references: list[float] = []
        for number in range(ROUNDS):
            references.append(_reference(folder))
            ours.append(_ours(folder, Path(place) / f"{number}"))
    value = megabytes / statistics.median(one["seconds"] for one in ours)
    reference = megabytes / statistics.median(references)
    return [
        {
            "name": "checksums_mb_per_s",
            "value": round(value, 1),
            "unit": "MB/s",
            "reference": round(reference, 1),
            "ratio": round(value / reference, 2),
            "goal": GOAL,
            "higher_is_better": True,
            "cpu_s": round(statistics.median(one["cpu_s"] for one in ours), 3),
            "peak_mib": round(max(one["peak_mib"] for one in ours), 1),
        }
    ]


def _fill(folder: Path) -> int:
    """Frames and small files as a session has them, all in the page cache; bytes in all."""
    block = os.urandom(LARGE_SIZE)
    total = 0
    for number in range(LARGE_FILES):
        (folder / "frames").mkdir(parents=True, exist_ok=True)
        (folder / "frames" / f"{number:04d}.h5").write_bytes(block)
        total += LARGE_SIZE
    for number in range(SMALL_FILES):
        place = folder / "small" / f"{number // 1000:03d}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        size = SMALL_SIZES[number % len(SMALL_SIZES)]
        (place / f"{number:06d}.txt").write_bytes(block[number : number + size])
        total += size
    os.sync()
    return total


def _reference(folder: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(["bash", "-c", _REFERENCE], cwd=folder, check=True)
    return time.perf_counter() - begun


def _ours(folder: Path, state: Path) -> dict[str, float]:
    command = [sys.executable, str(_TAKER), str(folder), str(state), str(AT_ONCE)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    for row in rows():
        print(row)
