"""Two detectors at once: two writers side by side, each emptying its ring into a file of its own.

`python -m tests.benchmarks frames_two` prints the rows. Compressed, with one thread each, they are compared with one of
them alone; raw, where the disk is the limit, with two bare loops of direct chunk writes side by side.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from beamsession.model.detector import Compression
from frame_rig import counts
from full_ring import FullRing, full_ring
from rows import Load, row

SIDE = 1024
FRAMES = 128
ROUNDS = 7


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_compressed(folder), *_raw(folder)]


def _compressed(folder: Path) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        rings = [
            stack.enter_context(full_ring(folder / f"{index}.h5", SIDE, "uint16", Compression.BSLZ4, 1, FRAMES))
            for index in range(2)
        ]
        alone: list[float] = []
        both: list[float] = []
        for _ in range(ROUNDS):
            alone.append(_emptied(rings[:1]))
            both.append(_emptied(rings))
        value, reference = statistics.median(both[1:]), statistics.median(alone[1:])
        return [row("two_writers_bslz4_1_thread_to_one", value, reference, 1.6, _load(rings))]


def _raw(folder: Path) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        rings = [
            stack.enter_context(full_ring(folder / f"{index}.h5", SIDE, "uint16", slots=FRAMES)) for index in range(2)
        ]
        both: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            both.append(_emptied(rings))
            bare.append(_two_bare_loops(folder))
        value, reference = statistics.median(both[1:]), statistics.median(bare[1:])
        return [row("two_writers_raw_to_two_bare_loops", value, reference, 0.9, _load(rings))]


def _emptied(rings: list[FullRing]) -> float:
    """Frames per second of all together."""
    images = counts(SIDE, "uint16")
    for ring in rings:
        ring.fill(images)
    begin = min([ring.let_go() for ring in rings])
    end = max([ring.wait_empty() for ring in rings])
    return len(rings) * FRAMES / (end - begin)


def _two_bare_loops(folder: Path) -> float:
    """The same; the slower one decides, as it does for the writers."""
    script = str(Path(__file__).with_name("bare_loop.py"))
    with ExitStack() as stack:
        loops: list[subprocess.Popen[str]] = []
        for index in range(2):
            (folder / str(index)).mkdir(exist_ok=True)
            command = [sys.executable, script, str(folder / str(index)), str(SIDE), str(FRAMES)]
            loop = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            loops.append(stack.enter_context(loop))
        for loop in loops:
            assert loop.stdout is not None
            loop.stdout.readline()
        for loop in loops:
            assert loop.stdin is not None
            loop.stdin.write("\n")
            loop.stdin.flush()
        return 2 * min(float(loop.communicate()[0]) for loop in loops)


def _load(rings: list[FullRing]) -> Load:
    loads = [ring.load() for ring in rings]
    return Load(sum(load.cpu_s for load in loads), sum(load.peak_mib for load in loads))
