"""Frames that are in the ring already, into a data file: raw, and compressed with one thread and with two.

`python -m tests.benchmarks frames_writing` prints the rows. A writer is held while its ring is filled, then timed until
the ring is empty. References, each in a process like the writer's, with as many different frames in the same kind of
memory: a bare loop of direct chunk writes, the same threads that compress and write nothing, and h5py with hdf5plugin's
filter. Every turn writes a file of its own that grows frame by frame, on pages that were free a moment ago; whose turn
is the first changes from round to round.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beamsession.model.detector import Compression
from frame_rig import counts, warm
from full_ring import full_ring
from reference import reference
from rows import Load, row

SIDE = 1024
FRAMES = 128
ROUNDS = 11
SMALL_SIDE, SMALL_FRAMES = 128, 2000
PIXEL_BYTES = 2
PLUGIN_BEST = 773.0
"""Frames/s that areaDetector's C++ file plugin reached with two compressing threads on two such cores."""

Turn = Callable[[], list[float]]


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_raw(folder, SIDE, FRAMES, 0.9), *_raw(folder, SMALL_SIDE, SMALL_FRAMES, None), *_compressed(folder)]


def _raw(folder: Path, side: int, frames: int, goal: float | None) -> list[dict[str, Any]]:
    with reference("bare_loop.py", folder, side, "uint16", frames, "raw") as bare:
        (value,), (loop, _), load = _in_turns(folder, side, frames, Compression.NONE, 1, bare.once)
    return [row(f"ring_to_file_{side}_uint16_raw", value, loop, goal, load)]


def _compressed(folder: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = []
    for threads in (1, 2):
        with (
            reference("compress_alone.py", threads, FRAMES, SIDE) as alone,
            reference("bare_loop.py", folder, SIDE, "uint16", FRAMES, "filter") as filtered,
            reference("bare_loop.py", folder, SIDE, "uint16", FRAMES, "compressed") as bare,
        ):
            turns = (alone.once, filtered.once, bare.once)
            (value,), (compressing, cpu), (filtering, _), (_, writing), load = _in_turns(
                folder, SIDE, FRAMES, Compression.BSLZ4, threads, *turns
            )
        name = f"ring_to_file_{SIDE}_uint16_bslz4_{threads}_threads"
        bound = min(compressing, len(os.sched_getaffinity(0)) / (cpu + writing))
        table += [
            row(f"{name}_to_compressing_alone", value, compressing, 0.9, load),
            row(f"{name}_to_cpu_bound", value, bound, None),
            row(f"{name}_to_h5py_filter", value, filtering, 1.5),
        ]
    table.append(row("the_last_to_areadetector_plugin", table[-1]["value"], PLUGIN_BEST, 1.0))
    return table


def _in_turns(
    folder: Path, side: int, frames: int, compression: Compression, threads: int, *references: Turn
) -> tuple[Any, ...]:
    """The medians of what the writer and each of the references told, then the load of the writer.

    The first round is left out: it touches memory for the first time.
    """
    images = counts(side, "uint16")
    with full_ring(folder / "ring.h5", side, "uint16", compression, threads, frames) as ring:
        turns: list[Turn] = [lambda: [ring.emptied(images)], *references]
        told: list[list[list[float]]] = [[] for _ in turns]
        before = ring.load()
        for number in range(ROUNDS):
            for index in _order(len(turns), number):
                warm(folder, frames * side * side * PIXEL_BYTES)
                told[index].append(turns[index]())
        load: Load = ring.load().since(before)
    return (*([statistics.median(column) for column in zip(*results[1:], strict=True)] for results in told), load)


def _order(count: int, number: int) -> list[int]:
    """Every second round the other way round."""
    return list(range(count))[:: -1 if number % 2 else 1]
