"""Frames that are in the ring already, into a data file: raw, and compressed with one thread and with two.

`python bench_frames_writing.py` prints the rows. A writer is held while its ring is filled, then timed until the ring
is empty. References, in turns with it: a bare loop of direct chunk writes of as many frames from memory, the same
threads that compress and write nothing, and h5py with hdf5plugin's filter.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hdf5plugin

from beamsession.model.detector import Compression
from beamsession.record.streaming import WRITER_ENVIRONMENT
from frame_rig import bare_writes, counts, filtered_writes
from full_ring import full_ring
from rows import Load, row

SIDE = 1024
FRAMES = 128
ROUNDS = 7
SMALL_SIDE, SMALL_FRAMES = 128, 2000
PLUGIN_BEST = 773.0
"""Frames/s that areaDetector's C++ file plugin reached with two compressing threads on two such cores."""


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_raw(folder, SIDE, FRAMES, 0.9), *_raw(folder, SMALL_SIDE, SMALL_FRAMES, None), *_compressed(folder)]


@dataclass
class _Emptied:
    rates: list[float]
    load: Load


def _raw(folder: Path, side: int, frames: int, goal: float | None) -> list[dict[str, Any]]:
    bare: list[float] = []

    def reference() -> None:
        bare.append(bare_writes(folder, counts(side, "uint16"), side, frames))

    emptied = _emptied(folder, side, frames, Compression.NONE, 1, reference)
    value, loop = statistics.median(emptied.rates), statistics.median(bare)
    return [row(f"ring_to_file_{side}_uint16_raw", value, loop, goal, emptied.load)]


def _compressed(folder: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = []
    for threads in (1, 2):
        alone: list[float] = []
        filtered: list[float] = []

        def reference(threads: int = threads, alone: list[float] = alone, filtered: list[float] = filtered) -> None:
            alone.append(_compress_alone(threads))
            options = dict(hdf5plugin.Bitshuffle(cname="lz4"))
            filtered.append(filtered_writes(folder, counts(SIDE, "uint16"), SIDE, FRAMES, options))

        emptied = _emptied(folder, SIDE, FRAMES, Compression.BSLZ4, threads, reference)
        value = statistics.median(emptied.rates)
        name = f"ring_to_file_{SIDE}_uint16_bslz4_{threads}_threads"
        table += [
            row(f"{name}_to_compressing_alone", value, statistics.median(alone), 0.9, emptied.load),
            row(f"{name}_to_h5py_filter", value, statistics.median(filtered), 1.5),
        ]
    table.append(row("the_last_to_areadetector_plugin", table[-1]["value"], PLUGIN_BEST, 1.0))
    return table


def _emptied(folder: Path, side: int, frames: int, compression: Compression, threads: int, reference: Any) -> _Emptied:
    """The rates of all rounds but the first, which touches the memory for the first time."""
    images = counts(side, "uint16")
    rates: list[float] = []
    with full_ring(folder / "ring.h5", side, "uint16", compression, threads, frames) as ring:
        before = ring.load()
        for _ in range(ROUNDS):
            ring.fill(images)
            begin = ring.let_go()
            rates.append(frames / (ring.wait_empty() - begin))
            reference()
        load = ring.load().since(before)
        assert ring.end() == frames * ROUNDS
    return _Emptied(rates[1:], load)


def _compress_alone(threads: int) -> float:
    script = Path(__file__).with_name("compress_alone.py")
    done = subprocess.run(
        [sys.executable, script, str(threads), str(FRAMES), str(SIDE)],
        env=_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def _environment() -> dict[str, str]:
    """The writer's own, so that memory costs both the same."""
    return os.environ | WRITER_ENVIRONMENT


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
