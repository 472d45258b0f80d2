"""How fast a session becomes a ZIP archive, beside `zip -0` on the same files, both out of the page cache.

Ours ends when the archive is safe on the disk; `zip` leaves that to the system, which is to its favour.
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
GOAL = 0.9
LARGE_FILES, LARGE_SIZE = 20, 64 * 1024 * 1024
SMALL_FILES, SMALL_SIZE = 2000, 4096
_WRITER = Path(__file__).with_name("zip_writer.py")


def rows() -> list[dict[str, Any]]:
    """One row in MB/s of content, medians of runs in turns; none where there is no `zip` to compare with."""
    program = shutil.which("zip")
    if program is None:
        print("zip is left out: the program zip is not installed (Debian: apt-get install zip).")
        return []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "session"
        megabytes = _fill(folder) / 1e6
        ours: list[dict[str, float]] = []
        references: list[float] = []
        for number in range(ROUNDS):
            target = Path(place) / f"{number}.zip"
            references.append(_reference(program, folder, target))
            target.unlink()
            ours.append(_ours(folder, target))
            target.unlink()
    value = megabytes / statistics.median(one["seconds"] for one in ours)
    reference = megabytes / statistics.median(references)
    return [
        {
            "name": "zip_mb_per_s",
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
    """Frames and small files as a session has them, all in the page cache and on the disk; bytes in all."""
    for kind, count, size in (("frames", LARGE_FILES, LARGE_SIZE), ("logs", SMALL_FILES, SMALL_SIZE)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            (folder / kind / f"{number:04d}").write_bytes(os.urandom(size))
    os.sync()
    return LARGE_FILES * LARGE_SIZE + SMALL_FILES * SMALL_SIZE


def _reference(program: str, folder: Path, target: Path) -> float:
    begun = time.perf_counter()
    subprocess.run([program, "-0", "-q", "-r", str(target), "."], cwd=folder, check=True)
    return time.perf_counter() - begun


def _ours(folder: Path, target: Path) -> dict[str, float]:
    command = [sys.executable, str(_WRITER), str(folder), str(target)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    for row in rows():
        print(row)
